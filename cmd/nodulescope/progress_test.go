package main

import (
	"strings"
	"testing"
	"time"
)

// Without a terminal progress is a line, which names no total where none is
// known.
func TestProgressLine(t *testing.T) {
	for total, want := range map[int]string{12: "waiting: 3 of 12\n", -1: "waiting\n"} {
		var out strings.Builder
		bar := newProgress(&out, "waiting", total)
		bar.set(3, "")
		if out.Len() > 0 {
			t.Errorf("total %d: %q at once", total, out.String())
		}
		bar.told = time.Now().Add(-plainEvery)
		bar.set(3, "")
		if bar.done(); out.String() != want {
			t.Errorf("total %d: %q, not %q", total, out.String(), want)
		}
	}
}
