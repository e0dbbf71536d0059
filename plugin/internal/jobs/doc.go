// Package jobs takes jobs from the queue, has them scored, and publishes each
// result once.
//
// # Once
//
// The ledger and the stream RESULTS decide whether a result exists, not the
// broker's memory of message ids, which ends after two minutes. A worker
//
//	reads headers, knows the identity, asks the ledger
//	scores, writes the intent with the message (synced)
//	publishes, notes that it is there (synced), acknowledges the job twice
//
// Killed at any point, it leaves the job in the queue. The next one finds the
// result noted, or the intent: then it takes in what came to RESULTS,
// and publishes the same bytes again only where they are not there. Intents are
// ended at a start ([Worker.Recover]) before new jobs are taken.
//
// Several services on one site share the queue, and each takes the others'
// answers into its ledger. A result is stored on the condition that none of the
// site has come since that was done, which the broker checks: whoever is too
// late, however long it was stopped, finds the other's answer instead. There are
// no claims and no leases.
//
// Once it is scored a job leaves its slot, and the next one is taken: what is left is
// mostly waiting for the disk, and the syncs of the ledger and of the audit trail serve all
// that wait for them. Results are published one after the other, each on its condition,
// and noted together with the mark up to which RESULTS is known.
//
// # The way of a job
//
// One delivery goes down once and comes back once: answer opens, looks up,
// scores and publishes, and returns what it did or why it could not; attempt
// bounds it in time; outcomeOf alone decides what becomes of the delivery; and
// settle tells the broker.
//
// Between the batches of a routine job, urgent ones are answered in its slot: it
// may have hundreds of nodules. They take from its time, and one whose series is
// in work comes again.
//
// # What was lost
//
// [Worker.Mend] compares the streams with the ledger, puts results back that are
// gone, and names what cannot come back; [Worker.Watch] keeps in mind what the
// streams hold while all is well.
//
// # What goes wrong
//
// A message that cannot be read and a series that cannot be used go to DEAD
// with a code. So does one that its PACS does not hold or give. What time may
// heal (a folder that is not there yet, a file that is still being written) and
// what the program itself fails at is tried again, with growing delays, up to
// Worker.MaxAttempts. A job that kills its worker is counted too, and ends as
// retries_exhausted. Trouble of broker or disk, a PACS that is not there, and a
// stop of the service do not count.
//
// A series that is still arriving is waited for ([Arrival]), in a folder and in a
// PACS by one rule: nothing of it must have changed for some time, by the times of
// files and folders or by two looks, and for longer where slices seem to be missing.
// After a while it is answered as it is; where there may be more to come the result
// says so, too, and the job comes again, later and later: the result of the whole
// series supersedes it.
package jobs
