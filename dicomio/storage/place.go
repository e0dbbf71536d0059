package storage

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// mountsAge is how long the table of mounts is believed.
const mountsAge = 30 * time.Second

var mounts struct {
	mu    sync.Mutex
	read  time.Time
	known []string
}

// place is what goes silent together: the mount that a path is on or, on the
// root, the first two parts of the path. It asks nothing of the storage.
func place(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	best := ""
	for _, m := range mountPoints() {
		if len(m) > len(best) && m != "/" && (path == m || strings.HasPrefix(path, m+"/")) {
			best = m
		}
	}
	if best != "" {
		return best
	}
	parts := strings.SplitN(filepath.ToSlash(path), "/", 4) // "", a, b, rest
	return strings.Join(parts[:min(3, len(parts))], "/")
}

// mountPoints are those of the system where it tells them without asking a
// storage, as Linux does.
func mountPoints() []string {
	mounts.mu.Lock()
	defer mounts.mu.Unlock()
	if time.Since(mounts.read) < mountsAge {
		return mounts.known
	}
	mounts.read, mounts.known = time.Now(), nil
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer f.Close()
	octal := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			mounts.known = append(mounts.known, octal.Replace(fields[4]))
		}
	}
	return mounts.known
}
