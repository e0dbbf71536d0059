package jobs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodulescope/nodulescope/bus"
)

// Urgent jobs take nothing from the time after which the one that they overtake is
// said to hang, and are said to hang themselves.
func TestPulseOfOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Worker{JobTimeout: time.Minute, Queue: &bus.JobQueue{}}
		alive := func(want bool) {
			t.Helper()
			if err := w.Alive(time.Second); (err == nil) != want {
				t.Errorf("%v", err)
			}
		}
		w.pulse.begin(1)
		w.pulse.busy(0)
		time.Sleep(time.Minute)
		for range 5 {
			resume := w.pulse.overtake(0)
			time.Sleep(time.Minute)
			alive(true)
			resume()
			alive(true)
		}
		time.Sleep(time.Minute)
		alive(true)
		time.Sleep(2 * time.Second)
		alive(false)
		resume := w.pulse.overtake(0)
		alive(true)
		time.Sleep(2*time.Minute + 2*time.Second)
		alive(false)
		resume()
		alive(false)
	})
}
