package background

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const schedIdle = 5 // SCHED_IDLE, see sched(7)

// enter changes thread by thread, as Linux does: a new one takes after the one that
// makes it. It looks again until there is none that it has not seen.
func enter() (string, error) {
	said := "scheduling class SCHED_IDLE, nice 19"
	seen := map[int]bool{}
	for {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return "", fmt.Errorf("lower the priority: %w", err)
		}
		fresh := false
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || seen[id] {
				continue
			}
			fresh, seen[id] = true, true
			if err := unix.Setpriority(unix.PRIO_PROCESS, id, 19); err != nil {
				return "", fmt.Errorf("lower the priority: %w", err)
			}
			attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: schedIdle, Nice: 19}
			if err := unix.SchedSetAttr(id, &attr, 0); err != nil {
				said = "nice 19"
			}
		}
		if !fresh {
			return said, nil
		}
	}
}
