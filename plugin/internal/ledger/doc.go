// Package ledger remembers which results exist, so that each is published
// once, also across a crash.
//
// # States
//
// A result is unknown, intended (about to be published, perhaps there already)
// or published. An intent holds the event itself: after a crash, what came to RESULTS is
// taken in, and the same bytes are published again where they are not found.
//
// # Lineage
//
// Results of one source on one series form a lineage, under a key that tells
// neither. A result supersedes the newest one of its lineage that shares a
// nodule with it; results of other nodules, as of a job that was split, stand
// beside each other.
//
// # Answers of others
//
// Several services on one site have a ledger each. Which results are in RESULTS,
// whoever made them, is taken in from there as they come ([Ledger.TakeIn]), up to
// a [Mark]: a result is then stored only where nothing of the site has come since.
// A ledger that is new, or meets a stream that was made anew, takes in all that is
// kept.
//
// # Promises and holdings
//
// The message of a published result is kept, packed, until the result is
// forgotten: where it is gone from RESULTS, the same bytes are put back. What each
// stream held when all was well is kept too, and which jobs may have left the
// queue, so that a loss is told from an end.
//
// # Attempts
//
// An attempt at a job is counted before it is made: one that ends with its
// process has counted too. The counts are in a file of their own, ledger.db.attempts,
// which is written at once and synced within a second.
//
// # File
//
// ledger.db is a bbolt file with JSON values in the buckets results/v1,
// lineage/v1, holdings/v1 and marks/v2, sequences in answers/v2 and
// ended/v1, and packed messages in promises/v1. Every change is synced before the call returns,
// so that it holds after a SIGKILL; changes that come together share a sync. What reviewers need and what is to be sent
// to a PACS is kept by others in the same file: [Open] opens them too, and
// [Ledger.Publish] and [Ledger.Expire] have them write in the same transaction.
// One process has the file open; a second is refused with ledger_locked.
package ledger
