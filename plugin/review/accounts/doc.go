// Package accounts keeps who may sign in to the review page with a password:
// names, roles and hashes, in one JSON file.
//
// # The file
//
// {"users": [{"name", "display_name", "role", "hash", "created"}]}, readable by
// its owner alone, at most 4 MiB and 4096 entries ([Decode]). [Save] replaces it
// as a whole: a crash leaves the old file or the new one. [File] reads it again
// whenever it changes; while it cannot be read, nobody is let in.
//
// # Names
//
// Letters, digits and . _ - @; upper and lower case are the same. A name signs
// decisions, so that it is never given to somebody else.
//
// # Passwords
//
// 12 to 256 characters, hashed by github.com/alexedwards/argon2id at the cost of
// RFC 9106, section 4, second recommendation (with two lanes). Reading and
// comparing are the library's, too. What stays ours is a cap on what a hash in
// the file may ask for: the library would follow one that demands terabytes of
// memory.
package accounts
