// Package review is what stands behind the review page: an HTTP API with the
// work list, findings, images, decisions and live events, and the page itself.
//
// # Description
//
// openapi.yaml describes every path, schema and error; it is served at
// /api/v1/openapi.yaml and tests hold it against the routes. Errors are
// application/problem+json with a code that never changes.
//
// # Rooms
//
// Package accounts has who may sign in, package store what is kept and how
// decisions leave. Within internal, signin stands before everything, answer is
// how the API speaks, events carries what happens to who listens, and memo keeps
// what takes long to make. A request goes from the guard (hosts, origins,
// headers) through sign-in to its handler here, and from there to store and
// [Source].
//
// # Patients
//
// Who the patient is stands in the images alone and is read from them at every
// request: it is neither stored nor logged nor published.
//
// # Security
//
// Users sign in with a password or by OpenID Connect. Every change needs the
// session's CSRF token, and comes from this page: http.CrossOriginProtection of
// the standard library refuses what a browser sends for another site. Every view
// and decision goes to the audit trail before it is answered.
package review
