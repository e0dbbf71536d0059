package background

import (
	"fmt"

	"golang.org/x/sys/windows"
)

func enter() (string, error) {
	if err := windows.SetPriorityClass(windows.CurrentProcess(), windows.IDLE_PRIORITY_CLASS); err != nil {
		return "", fmt.Errorf("lower the priority: %w", err)
	}
	return "priority class IDLE_PRIORITY_CLASS", nil
}
