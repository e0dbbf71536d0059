//go:build !linux && !darwin && !windows

package disk

import "math"

// Free is unknown here, and taken for enough.
func Free(string) (int64, error) { return math.MaxInt64, nil }
