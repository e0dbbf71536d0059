package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// Collected is what Collect removed, or would.
type Collected struct {
	Versions []string `json:"versions"`
	Files    int      `json:"files"`
	Bytes    int64    `json:"bytes"`
}

// Collect removes versions but for the newest keep ones, those that were promoted and
// can be rolled back to, and the one that inUse names (see [Store.Find]), and then the files that no version names.
// With dry it only tells. Where a manifest is damaged nothing is removed: what it
// named is not known.
func (s *Store) Collect(keep int, dry bool, inUse string) (c Collected, err error) {
	c.Versions = []string{}
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	unlock, err := s.lock()
	if err != nil {
		return c, err
	}
	defer unlock()
	list, err := s.List()
	if err != nil {
		return c, err
	}
	p, err := s.promotions()
	if err != nil {
		return c, err
	}
	used, err := s.Find(inUse)
	if err != nil {
		return c, err
	}
	held := map[string]bool{used.Version: true}
	for _, one := range p.List {
		held[one.Version] = true
	}
	named := map[string]bool{}
	var remove []string
	for i, m := range list {
		if i >= keep && !held[m.Version] {
			c.Versions = append(c.Versions, m.Version)
			remove = append(remove, s.versionFile(m.Version))
			continue
		}
		for _, f := range m.Candidate.Files {
			named[f.SHA256] = true
		}
	}
	for _, dir := range []string{"objects", "versions"} {
		entries, err := os.ReadDir(filepath.Join(s.dir, dir))
		if err != nil {
			return c, coded.New(CodeFailed, "collect models", "a folder of the store cannot be read", err)
		}
		for _, e := range entries {
			left := strings.Contains(e.Name(), ".tmp-") // of a crash: nobody else writes now
			if !left && (dir == "versions" || named[digest.Prefix+e.Name()]) {
				continue
			}
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			c.Files, c.Bytes = c.Files+1, c.Bytes+info.Size()
			remove = append(remove, filepath.Join(s.dir, dir, e.Name()))
		}
	}
	if dry {
		return c, nil
	}
	for _, path := range remove { // versions first: a file that nothing names does no harm
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c, coded.New(CodeFailed, "collect models", "a file cannot be removed", err)
		}
	}
	return c, nil
}
