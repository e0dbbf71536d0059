package bus

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// newTraceParent returns a W3C traceparent (Trace Context, level 1, section
// 3.2) with random trace and parent ids and the sampled flag.
func newTraceParent() string {
	var id [24]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return "00-" + hex.EncodeToString(id[:16]) + "-" + hex.EncodeToString(id[16:]) + "-01"
}

// ChildTraceParent returns a traceparent of the same trace as parent with a
// parent id of its own: what a result carries so that it can be followed back
// to its job. A parent that is not valid gives a new trace.
func ChildTraceParent(parent string) string {
	if !validTraceParent(parent) {
		return newTraceParent()
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	return parent[:36] + hex.EncodeToString(id[:]) + parent[52:55]
}

// validTraceParent accepts 00-<32 hex>-<16 hex>-<2 hex>, lower case, ids not
// all zero. Later versions may be longer; they are read as far as is known.
func validTraceParent(s string) bool {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	if len(s) > 55 && (s[:2] == "00" || s[55] != '-' || len(s) > 256) {
		return false
	}
	version, trace, parent, flags := s[:2], s[3:35], s[36:52], s[53:55]
	for _, part := range []string{version, trace, parent, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return false
		}
	}
	return version != "ff" && strings.Trim(trace, "0") != "" && strings.Trim(parent, "0") != ""
}
