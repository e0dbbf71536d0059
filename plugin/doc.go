// Package plugin is the running service, as a library: it takes jobs from the
// bus, has them scored, and publishes each result once.
//
// # Embedding
//
// [New] checks a [Config], [Plugin.Run] works until its context ends. With
// nothing but detectors given it starts a bus of its own in the data folder;
// with Config.Bus it joins that of a site. [Plugin.Bus] is the connection to
// submit jobs and follow results with. See the example. Without a bus,
// [scoring.Score] makes the same result.
//
// # Rooms
//
// A job goes down this list once, and its result comes back up once:
//
//	jobs       takes a job from the queue and publishes its result once
//	scoring    cuts the nodules and has every detector score them
//	series     opens what the URI of the job names
//	ledger     remembers which results exist, jobs which attempts were made
//	audit      one line of audit.jsonl for every score, dead letter and decision
//
// Beside them stand those who need a result and not its job:
//
//	review     the page on which a radiologist decides, and its API; web has the page
//	documents  makes reports and pictures of results and decisions
//	outbox     sends them to a PACS until it has them
//	watch      makes jobs of what comes into a PACS or a folder
//
// jobs and ledger are under internal, for no other program has use for half a
// service; the others are for programs that embed it, read its files or make
// its documents. This package puts them together and holds no more: settings,
// the run, HTTP, metrics, the control port, and what goes into the ledger's file
// in one transaction.
//
// # Together
//
// What reviewers need and what is to be sent to a PACS is kept in the ledger's
// file, in the transaction that notes a result or a job that was put aside: the
// result message and the URI of the images, never who the patient is.
// Config.Review serves the review page on an address of its own. Decisions are
// kept first, then noted in the audit trail, then published on REVIEWS until the
// broker has taken them, once. Config.Send says which documents go to the PACS
// of Config.PACS that have a store address; [Outbox] and [Resend] list and
// repeat what a PACS refused, beside a running service or without it.
//
// # Health
//
// [Plugin.Handler] answers /healthz, /readyz, /metrics (Prometheus) and
// /version; Config.HTTPAddr serves it on a port. Config.Compute tells there
// where scores are computed now; in a result every score says it for itself,
// and the identity does not depend on it.
//
// # Privacy
//
// Patients and UIDs appear neither in logs, metrics, subjects and dead letters'
// texts nor in the audit trail: that names results by identity, jobs by their
// sequence and models by digest.
package plugin
