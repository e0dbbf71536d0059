package sr

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
)

// UID derives a UID from the identity of a result and the role that the UID
// plays: 2.25 and a UUID of version 8 (PS3.5 B.2, RFC 9562 section 5.8) whose
// bits are those of a SHA-256. The same identity and role give the same UID
// on any machine.
func UID(identity, role string) string {
	h := sha256.New()
	for _, part := range []string{"nodulescope/uid/v1", identity, role} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0F | 0x80 // version 8
	u[8] = u[8]&0x3F | 0x80 // variant
	return "2.25." + new(big.Int).SetBytes(u).String()
}
