// Package plugin is the running service, as a library: it takes jobs from the
// bus, has them scored, and publishes each result once.
//
// # Embedding
//
// [New] checks a [Config], [Plugin.Run] works until its context ends. With
// nothing but detectors given it starts a bus of its own in the data folder;
// with Config.Bus it joins that of a site. [Plugin.Bus] is the connection to
// submit jobs and follow results with. See the example.
//
// # The journey of one series
//
// [Score] is the journey without the bus: a folder and candidates in, a
// [bus.Result] out, with pictures in [NoduleDetail]. Workers call the same code,
// so that both give the same result. A nodule that cannot be scored has an error
// with a code in its place and does not fail the others. Result nodules carry
// the limits of use that they touch ([ApplySpacingCoarse] and so on).
//
// # Several detectors
//
// Every detector of Config scores every nodule, in their order, and a result has
// all scores or says why not: where one detector fails, the nodule keeps the
// scores of the others and has an error that names it (bus.ResultNodule.Failed).
// A nodule with at least two scores says how far they are apart: the gap between
// the percentiles among the reference normals of each detector, and whether some
// flag it and others do not. Neither detector overrules the other. Results, the
// audit trail and the metric flags_differ_total tell it; a deadline that ends
// during a slow detector's work puts the job aside as deadline_passed.
//
// # Series in a PACS
//
// A job names a folder (file:///folder) or a series of DICOMweb
// (https://host/path/studies/UID/series/UID). Only the PACS of Config.PACS are
// asked, with the credentials that stand there; the address of a job must be
// one of theirs. Headers come from the metadata, images are fetched for the
// slices that cubes need. The result is the one that the same files in a folder
// give.
//
// # Identity
//
// A result is named by a digest of all that it follows from: the job's source,
// the series, the set of SOP instances that were read, every nodule's id,
// position and diameter, the digests of the models, and the version of
// preprocessing with its padding limit. The order of nodules, their confidence,
// the id of the job and the folder do not count. A result names the one that it
// supersedes: the newest of the same source and series that shares a nodule id.
//
// # Once
//
// The ledger (a bbolt file) and the stream RESULTS decide whether a result
// exists, not the broker's memory of message ids, which ends after two minutes.
// A worker
//
//	reads headers, knows the identity, asks the ledger
//	scores, writes the intent with the message and the end of RESULTS (synced)
//	publishes, notes that it is there (synced), acknowledges the job twice
//
// Killed at any point, it leaves the job in the queue. The next one finds the
// result noted, or the intent: then it looks in RESULTS from where that ended,
// and publishes the same bytes again only where they are not there. Intents are
// ended at a start before new jobs are taken. One ledger serves one process; a
// second is refused. Several services on one site share the queue, but not
// their ledgers: a job that is submitted twice more than two minutes apart may
// then be answered twice, with the same identity.
//
// # What goes wrong
//
// A message that cannot be read and a series that cannot be used go to DEAD with
// a code. So does one that its PACS does not hold or give. What time may heal (a folder that is not there yet, a file that is
// still being written) and what the program itself fails at is tried again, with
// growing delays, up to Config.MaxAttempts. A job that kills its worker is
// counted too, and ends as retries_exhausted. Trouble of broker or disk, a PACS
// that is not there, and a stop of the service, do not count. Dead letters can be replayed.
//
// # Audit
//
// audit.jsonl in the data folder has a line for every score and every dead
// letter, each with the digest of the line before: [VerifyAudit] reads it. It
// names results by identity, jobs by their sequence and models by digest.
// Patients and UIDs appear neither there nor in logs, metrics or dead letters'
// texts.
//
// # Review
//
// Config.Review serves the review page and its API (package review) on an
// address of its own. What reviewers need is kept in the ledger's file in the
// same transaction that notes a result or a job that was put aside: the result
// message and the URI of the images, never who the patient is. Decisions are
// kept there first, then noted in the audit trail, then published on REVIEWS
// until the broker has taken them, once.
//
// # Results in a PACS
//
// A PACS of Config.PACS with a StoreURL gets documents of every result:
// Config.Send says which. What is to be sent is written to the outbox (package
// outbox) in the transaction that notes the result, or the decision that
// completes its review, and is sent until the PACS has taken it, once. Documents
// are made when they are sent, from the record that review keeps and the
// images. [Outbox] and [Resend] list and repeat what a PACS refused, beside a
// running service or without it. Package watch makes jobs of what comes into a
// PACS or a folder.
//
// # Health
//
// [Plugin.Handler] answers /healthz, /readyz, /metrics (Prometheus) and
// /version; Config.HTTPAddr serves it on a port. Config.Compute tells there
// where scores are computed now; in a result every score says it for itself,
// and the identity does not depend on it.
package plugin
