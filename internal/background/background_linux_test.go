package background_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nodulescope/nodulescope/internal/background"
)

const child = "NODULESCOPE_TEST_BACKGROUND"

// Every thread of a process gives way, and those that it makes later, too. There is
// no way back, so a process of its own does it.
func TestEnter(t *testing.T) {
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnter$") //nolint:gosec // this test
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	said, err := background.Enter()
	if err != nil || said == "" {
		t.Fatal(said, err)
	}
	stop := make(chan struct{})
	defer close(stop)
	for range 8 { // threads that are made afterwards
		started := make(chan struct{})
		go func() {
			close(started)
			_, _ = unix.Poll(nil, 100) // a thread of its own
			<-stop
		}()
		<-started
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		nice, err := unix.Getpriority(unix.PRIO_PROCESS, id)
		if err != nil {
			continue // it has ended
		}
		if nice = 20 - nice; nice != 19 { // as the system call answers
			t.Errorf("thread %d has nice %d", id, nice)
		}
		if attr, err := unix.SchedGetAttr(id, 0); err == nil && attr.Policy != 5 && said != "nice 19" {
			t.Errorf("thread %d has policy %d", id, attr.Policy)
		}
	}
}
