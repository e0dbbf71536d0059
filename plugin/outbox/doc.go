// Package outbox takes what a service has made to a PACS, durably: an outbox in
// the ledger's file, and a sender that empties it.
//
// # Letters
//
// A [Letter] says that documents of one kind ([Kind]) of one result are to be
// sent. It is written in the transaction that notes the result, or the
// decision that completes its review ([Store.Add]), so that there is no result
// without its letters. It holds no document and no patient: documents are made
// when they are sent, from the record of the result and the images.
//
// # Once
//
// The UIDs of documents follow from the result. [Sender] asks the PACS first
// (QIDO-RS, by SOP Instance UID) whether it holds them; what it holds counts as
// sent. So a process that is killed between the answer of the PACS and the
// note of it sends nothing twice, and neither does an answer that was lost.
//
// # What goes wrong
//
// A PACS that is not there, is busy or fails is asked again for as long as it
// takes, with a wait that grows up to a limit. A refusal that no repetition
// heals (HTTP 4xx but 401, 407, 408, 409, 425 and 429; a reason for failure
// that is about the document) is told once, and the letter kept: it is listed
// ([Store.List]) and can be sent again ([Store.Resend]). What may be either, such
// as a failure without a reason or a folder that is not there, is tried ten
// times before it counts as a refusal.
//
// # What is told
//
// [Store.Status] says how many letters wait and since when, and how many were
// refused. Errors, logs and letters hold no patient and no UID.
package outbox
