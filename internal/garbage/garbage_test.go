package garbage

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestLimit: what is in use halves the share of garbage, and gives it back.
func TestLimit(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	percent := func() int {
		now := debug.SetGCPercent(most)
		debug.SetGCPercent(now)
		return now
	}
	until := func(what string, holds func(int) bool) {
		t.Helper()
		for range 200 {
			runtime.GC()
			if holds(percent()) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("%s: the percentage is %d", what, percent())
	}
	Limit(20 << 20)
	if percent() != most {
		t.Errorf("at first the percentage is %d", percent())
	}
	held := make([]byte, 57<<20)
	until("57 MiB in use", func(p int) bool { return p >= 30 && p <= 36 })
	more := make([]byte, 200<<20)
	until("257 MiB in use", func(p int) bool { return p == least })
	runtime.KeepAlive(held)
	runtime.KeepAlive(more)
	until("little in use", func(p int) bool { return p == most })
}
