package main

import (
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/filelock"
	"github.com/nodulescope/nodulescope/plugin"
)

// accessName is the file in the data folder with the passwords of its own bus.
const accessName = "bus-access.json"

// accessCopy is where programs of this user find the passwords of the bus at a
// port of this machine, wherever its data folder is; "" where they cannot.
func accessCopy(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" || u.User != nil {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	dir, err := plugin.DefaultDataDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "buses", u.Port()+".json")
}

// accessLock is beside a copy: the service holds it while it runs. What a service
// left that was killed is not used, for anybody may listen at its port by now.
func accessLock(shared string) string { return shared + ".lock" }

// localAccess is how to sign in to a bus of this machine that a service of this
// user runs; empty where none does.
func localAccess(address string, as bus.Role) (user, password string) {
	path := accessCopy(address)
	if path == "" || !filelock.Held(accessLock(path)) {
		return "", ""
	}
	access, err := bus.ReadAccess(path)
	if err != nil { // none runs
		return "", ""
	}
	return string(as), access[as]
}

// shareAccess lets programs of this user sign in, until forget is called.
func shareAccess(path, address string, log *slog.Logger) (forget func()) {
	shared := accessCopy(address)
	text, err := os.ReadFile(path) //nolint:gosec // the service's own
	if shared == "" || err != nil {
		return func() {}
	}
	var lock *os.File
	err = os.MkdirAll(filepath.Dir(shared), 0o700)
	if err == nil {
		lock, err = filelock.Take(accessLock(shared))
	}
	if err == nil {
		err = atomicfile.WriteBytes(shared, 0o600, text)
	}
	if err != nil {
		log.Warn("other programs of this user do not find the password of the bus: name it to them", "file", path, "error", err)
	}
	return func() {
		if lock != nil {
			_ = errors.Join(os.Remove(shared), lock.Close())
		}
	}
}
