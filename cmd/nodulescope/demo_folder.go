package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const (
	demoManifest     = "made-by-demo.json"
	workPrefix       = ".demo-work-"
	maxManifestBytes = 4 << 20
)

// demoFolder keeps an account of the files that the demo made, by digest, so
// that a later run replaces these and never touches anything else.
type demoFolder struct {
	dir string
	manifest
}

type manifest struct {
	Comment string            `json:"comment"`
	Series  string            `json:"series"`         // which phantom lies in series
	Made    map[string]string `json:"made"`           // slash-separated path to hex SHA-256
	Work    []string          `json:"work,omitempty"` // folders for the time of a run
}

func openDemoFolder(dir string) (*demoFolder, error) {
	f := &demoFolder{dir: dir, manifest: manifest{Made: map[string]string{}}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, usageError(err, "name a folder with --dir that can be made")
	}
	text, err := smallfile.Read(f.path(demoManifest), maxManifestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil && !errors.Is(err, smallfile.ErrTooLarge) {
		return nil, err
	}
	if err != nil || json.Unmarshal(text, &f.manifest) != nil || f.Made == nil {
		return nil, usageError(fmt.Errorf("%s is damaged", f.path(demoManifest)), "name another folder with --dir")
	}
	if !f.plausible() {
		return nil, usageError(fmt.Errorf("%s names files that the demo does not make", f.path(demoManifest)), "name another folder with --dir")
	}
	for _, name := range f.Work { // of a run that was killed
		if err := os.RemoveAll(f.path(name)); err != nil {
			return nil, err
		}
	}
	f.Work = nil
	return f, nil
}

// plausible tells whether the account names nothing but what the demo makes.
func (f *demoFolder) plausible() bool {
	for name := range f.Made {
		folder, file, below := strings.Cut(name, "/")
		known := name == "index.html" || below && (folder == "series" || folder == "pictures") && !strings.ContainsAny(file, `/\`) && strings.Trim(file, ".") != ""
		if !known || !filepath.IsLocal(filepath.FromSlash(name)) {
			return false
		}
	}
	return !slices.ContainsFunc(f.Work, func(name string) bool {
		return !strings.HasPrefix(name, workPrefix) || strings.ContainsAny(name, `/\`)
	})
}

func (f *demoFolder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// save writes the account so that a crash leaves the old or the new one.
func (f *demoFolder) save() error {
	f.Comment = "files that 'nodulescope demo' made: it may replace or remove them where they are unchanged"
	b, err := json.MarshalIndent(f.manifest, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(f.path(demoManifest), 0o644, append(b, '\n'))
}

// workFolder makes a folder for the time of the run.
func (f *demoFolder) workFolder() (string, error) {
	dir, err := os.MkdirTemp(f.dir, workPrefix)
	if err != nil {
		return "", err
	}
	f.Work = append(f.Work, filepath.Base(dir))
	return dir, f.save()
}

// removeWork removes what workFolder made.
func (f *demoFolder) removeWork() error {
	for _, name := range f.Work {
		if err := os.RemoveAll(f.path(name)); err != nil {
			return err
		}
	}
	f.Work = nil
	return f.save()
}

// unchanged tells whether a file is as the demo made it.
func (f *demoFolder) unchanged(name string) bool {
	b, err := os.ReadFile(f.path(name))
	return err == nil && f.Made[name] == fileDigest(b)
}

// holds tells whether the series is there, whole and unchanged.
func (f *demoFolder) holds(series string) bool {
	count := 0
	for name := range f.Made {
		if strings.HasPrefix(name, "series/") {
			if !f.unchanged(name) {
				return false
			}
			count++
		}
	}
	return count > 0 && f.Series == series
}

// remove deletes what the demo made below a folder and nobody changed, and the
// folder itself if nothing else is in it.
func (f *demoFolder) remove(folder string) error {
	for name := range f.Made {
		if !strings.HasPrefix(name, folder+"/") {
			continue
		}
		if f.unchanged(name) {
			if err := os.Remove(f.path(name)); err != nil {
				return err
			}
		}
		delete(f.Made, name)
	}
	if err := f.save(); err != nil {
		return err
	}
	_ = os.Remove(f.path(folder)) // refused where it holds what others made
	return nil
}

// adopt moves a folder that was made elsewhere into place, where none is.
func (f *demoFolder) adopt(from, folder string) error {
	if _, err := os.Lstat(f.path(folder)); err == nil {
		return usageError(fmt.Errorf("%s holds files that the demo did not make", f.path(folder)), "move them, or name another folder with --dir")
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(from, entry.Name())) //nolint:gosec // made by this run
		if err != nil {
			return err
		}
		f.Made[folder+"/"+entry.Name()] = fileDigest(b)
	}
	if err := f.save(); err != nil { // first, so that a crash leaves nothing unaccounted
		return err
	}
	return atomicfile.Rename(from, f.path(folder))
}

// put writes a file, unless one is there that the demo did not make.
func (f *demoFolder) put(name string, content []byte) error {
	path := f.path(name)
	if _, err := os.Lstat(path); err == nil && !f.unchanged(name) {
		return usageError(fmt.Errorf("%s is there and was not made by the demo, or was changed", path), "move it, or name another folder with --dir")
	}
	f.Made[name] = fileDigest(content)
	if err := f.save(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, 0o644, content)
}

// fileDigest is the digest of a file as the account holds it.
func fileDigest(content []byte) string {
	return strings.TrimPrefix(digest.Of(content), digest.Prefix)
}
