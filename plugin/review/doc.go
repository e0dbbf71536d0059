// Package review is what stands behind the review page: an HTTP API with
// sessions, the work list, findings, images, decisions and live events.
//
// # Description
//
// openapi.yaml describes every path, schema and error; it is served at
// /api/v1/openapi.yaml and tests hold it against the routes. Errors are
// application/problem+json with a code that never changes.
//
// # What is kept
//
// A [Store] keeps results with the place of their images, decisions in all
// their versions, and what each user has read, in buckets of the ledger's file.
// Who the patient is stands in the images alone and is read from them at every
// request: it is neither stored nor logged nor published.
//
// # Decisions
//
// A decision is made on a version. One that another reviewer has overtaken is
// refused with the other's, so that nothing is lost. Decision and message are
// written in one synced transaction; the message leaves for the stream REVIEWS
// as often as it takes, and arrives once.
//
// # Security
//
// Users sign in with a password (argon2id) or by OpenID Connect. Sessions are
// random, rotate at every login and expire; every change needs the session's
// CSRF token. Every view and decision goes to the audit trail before it is
// answered.
package review
