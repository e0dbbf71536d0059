package bus

import "github.com/nodulescope/nodulescope/internal/digest"

// messageID is the id of a message that is about these parts: a SHA-256 in hex.
func messageID(parts ...string) string {
	d := digest.New()
	d.Text(parts...)
	return d.Hex(32)
}
