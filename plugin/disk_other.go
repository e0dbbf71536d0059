//go:build !linux && !darwin && !windows

package plugin

import "math"

// freeBytes is unknown here, and taken for enough.
func freeBytes(string) (int64, error) { return math.MaxInt64, nil }
