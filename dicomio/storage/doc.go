// Package storage reads files and folders that may never answer, such as those
// of a network mount whose server is gone.
//
// # Left behind
//
// A system call cannot be cancelled. So each runs beside its caller, who waits
// for [Patience] or until its context ends and then leaves it behind: it gets
// an error with [CodeSilent], or that of its context. The call ends whenever
// the storage answers; until then it is counted ([Hung]).
//
// # Bounds
//
// Where perPlace calls hang at one place, a mount or a top folder, further ones
// are refused at once: those who read there do not wait, and those who read
// elsewhere are not held up. When the storage answers again, so do they.
package storage
