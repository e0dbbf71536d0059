package bus

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// digest returns the sha256 of parts in hex. Each part is preceded by its
// length, so that ("a/b", "c") and ("a", "b/c") differ.
func digest(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// payloadDigest returns "sha256:<hex>" of a whole message.
func payloadDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
