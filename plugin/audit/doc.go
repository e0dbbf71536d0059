// Package audit is the trail of what the service did: audit.jsonl in the data
// folder, with a line for every score, every dead letter, and everything that
// somebody saw or decided on the review page.
//
// # The chain
//
// Every line holds the digest of the line before, so that a changed, added or
// missing line is seen by [Verify]. The end of the file can only be checked
// against a digest that was kept elsewhere. Every record is synced before the
// call returns; half a line that a crash left is cut off at the next [Open],
// which the trail tells.
//
// # Files
//
// A file that is full is closed as audit-000001.jsonl and on, and the chain goes on in a
// new one: [Files] lists them, [VerifyFiles] reads all. [Trail.Expire] removes old ones,
// and keeps a record with the digest at which the rest begins.
//
// # What it names
//
// Results by identity, jobs by their sequence, models by digest, and who signed
// in by the name of their account: no patient and no UID.
package audit
