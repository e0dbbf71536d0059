// Package exampletest holds what the runnable examples of several packages
// need beside what they show.
package exampletest

import "os"

// Dir makes an empty folder for one example. remove deletes it with all that
// is in it. Dir panics where no folder can be made.
func Dir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}
