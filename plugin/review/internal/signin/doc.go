// Package signin stands between the review page and everybody: sessions, signing
// in with a password, by OpenID Connect or by a link, and what a request needs
// to get through ([Gate.Require]).
//
// # Sessions
//
// A session is 256 random bits in a cookie; the service keeps their digest, in
// memory, so that a restart ends every session. It ends when it was idle, after
// its absolute time, and when its user is changed or removed. Every login starts
// another one. What changes something needs the session's CSRF token.
//
// # Guessing
//
// Attempts that fail make the next one wait, by name and by address, twice as
// long every time. A name that is not there takes as long as one that is. At
// most two passwords are checked at once: each takes 64 MiB.
//
// # What is bounded how
//
// Sessions, links, logins under way and what a session has seen are bounded by
// least recent use (hashicorp/golang-lru/v2). Its variant that also expires
// entries (expirable) has one lifetime and a clock of its own, and keeps a
// goroutine for ever; sessions have two times, and tests set the clock. The
// memory of failed attempts is no such list: an attacker with many addresses
// would push out the very names that are held back.
package signin
