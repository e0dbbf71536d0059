// Package store keeps what is reviewed: results with the place of their images,
// decisions in all their versions, and what each user has read, in buckets of
// the ledger's file.
//
// # Records
//
// A [Record] is one result, or one job that was put aside. It names no patient.
// The service adds it in the transaction that notes the result ([Store.Add]). An
// index in memory, read when the store is opened, answers the work list
// ([Store.Find]).
//
// # Decisions
//
// A decision is made on a version. One that another reviewer has overtaken is
// refused with the other's ([ErrConflict]), so that nothing is lost. Decision and
// message are written in one synced transaction ([Store.Decide]); a [Publisher]
// takes the message to the audit trail and to the stream REVIEWS as often as it
// takes, where it arrives once.
package store
