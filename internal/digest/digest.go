// Package digest names content by its SHA-256.
//
// A digest is written "sha256:" and 64 hex digits wherever it stands in a
// message, a file or a report. What consists of several values is hashed with
// [Framed], which puts a length before each, so that no two lists of values
// read the same: ("a/b", "c") and ("a", "b/c") differ.
package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// Prefix stands before the hex digits of every digest.
const Prefix = "sha256:"

// Of is the digest of content.
func Of(content []byte) string {
	sum := sha256.Sum256(content)
	return Prefix + hex.EncodeToString(sum[:])
}

// Sum is the digest of what was written to h, a SHA-256.
func Sum(h hash.Hash) string { return Prefix + hex.EncodeToString(h.Sum(nil)) }

// Texts is the SHA-256 of parts, in hex and without the prefix, each behind its
// length in decimal and a colon. Ids that the ledger and the watchers keep are
// made with it; for anything new there is [Framed].
func Texts(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Framed hashes values one after the other. The zero value is not ready: use
// [New].
type Framed struct{ h hash.Hash }

// New begins a digest of several values.
func New() Framed { return Framed{sha256.New()} }

// Count adds a number of things that follow.
func (f Framed) Count(n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // counts and lengths
	f.h.Write(b[:])
}

// Text adds each part, behind its length in bytes.
func (f Framed) Text(parts ...string) {
	for _, p := range parts {
		f.Count(len(p))
		f.h.Write([]byte(p))
	}
}

// Number adds a value, with -0 taken for 0.
func (f Framed) Number(x float64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], math.Float64bits(x+0))
	f.h.Write(b[:])
}

// Digest is what was added, with the prefix.
func (f Framed) Digest() string { return Sum(f.h) }

// Hex is the first n bytes of it in hex, without a prefix: for keys. n is at
// most 32.
func (f Framed) Hex(n int) string { return hex.EncodeToString(f.h.Sum(nil)[:n]) }
