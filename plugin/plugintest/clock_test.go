package plugintest

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain is also the process whose clock jumps: it tells its time for every line.
func TestMain(m *testing.M) {
	Main(m, func(file string) error {
		if err := FollowClock(file); err != nil {
			return err
		}
		begin, lines := time.Now(), bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			now := time.Now()
			fmt.Println(now.Unix(), now.Sub(begin).Nanoseconds())
		}
		return nil
	})
}

// The wall clock of a process jumps on and back; its monotonic clock does not.
func TestClockJumps(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("not on this system")
	}
	clock := NewClock(t)
	child := Child(t, clock.File)
	in, err := child.StdinPipe()
	Must(t, err)
	out, err := child.StdoutPipe()
	Must(t, err)
	child.Stderr = os.Stderr
	Must(t, child.Start())
	last := int64(-1)
	for _, jump := range []time.Duration{0, 48 * time.Hour, -50 * time.Hour, time.Minute, 90 * 24 * time.Hour} {
		clock.Jump(jump)
		want := time.Now().Add(clock.Shift())
		_, err := fmt.Fprintln(in)
		Must(t, err)
		var unix, sinceStart int64
		_, err = fmt.Fscan(out, &unix, &sinceStart)
		Must(t, err)
		if wrong := time.Unix(unix, 0).Sub(want); wrong < -2*time.Second || wrong > time.Minute {
			t.Errorf("after %s the clock is wrong by %s", jump, wrong)
		}
		if sinceStart <= last || time.Duration(sinceStart) > time.Minute {
			t.Errorf("%s since the start, after %s", time.Duration(sinceStart), time.Duration(last))
		}
		last = sinceStart
	}
	Must(t, in.Close())
	_ = child.Wait() // it lives on, says Main
}
