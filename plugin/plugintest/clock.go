package plugintest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const clockBytes = 8

// Clock is the wall clock of processes that called [FollowClock].
type Clock struct {
	File string

	t     testing.TB
	mu    sync.Mutex
	shift time.Duration
}

// NewClock is one that shows the right time.
func NewClock(t testing.TB) *Clock {
	t.Helper()
	c := &Clock{File: filepath.Join(t.TempDir(), "clock"), t: t}
	c.Jump(0)
	return c
}

// Jump moves it on by whole seconds, back where they are less than none.
func (c *Clock) Jump(d time.Duration) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d.Truncate(time.Second)
	f, err := os.OpenFile(c.File, os.O_RDWR|os.O_CREATE, 0o600)
	Must(c.t, err)
	_, err = f.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(c.shift/time.Second)), 0)
	Must(c.t, err)
	Must(c.t, f.Close())
}

// Shift is by how much it is wrong now.
func (c *Clock) Shift() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shift
}
