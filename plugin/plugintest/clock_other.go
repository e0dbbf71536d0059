//go:build !linux || !amd64

package plugintest

import "errors"

// FollowClock is for 64-bit PCs with Linux alone.
func FollowClock(string) error {
	return errors.New("the clock of a process cannot be shifted here")
}
