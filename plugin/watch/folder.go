package watch

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Folder watches a folder with a folder for every series, or every few, in it.
// Candidates may lie in the same folder as the images, or beside these folders.
type Folder struct {
	Root  string        // absolute
	Quiet time.Duration // without a change before a series counts as all there; default 10 s

	beside *fileWatch
	dirs   map[string]*watchedDir // by name
}

// watchedDir is a folder in the root.
type watchedDir struct {
	uri       string
	signature string
	since     time.Time // of the signature
	seen      time.Time
	opened    string // signature that was read
	problem   string
	series    []sighting
	found     []*note
	stuck     []Waiting // files that bring nothing
}

const defaultQuiet = 10 * time.Second

var _ Source = (*Folder)(nil)

func (f *Folder) archives() *series.Archives { return nil }

// ready: poll says when a folder has changed.
func (f *Folder) ready(context.Context, *entry) (bool, error) { return true, nil }

func (f *Folder) poll(ctx context.Context, w *Watcher) error {
	if f.dirs == nil {
		if err := f.begin(w); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(f.Root)
	if err != nil {
		return coded.New(codeSettings, "read folder", "the watched folder cannot be read: does it exist?", err)
	}
	if _, err := f.beside.poll(w.opts.Now()); err != nil {
		return err
	}
	there := map[string]bool{}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		there[entry.Name()] = true
		if err := f.dir(ctx, w, entry.Name()); err != nil {
			return err
		}
	}
	for name := range f.dirs {
		if !there[name] {
			delete(f.dirs, name)
		}
	}
	return nil
}

// begin takes nothing for stable that may have changed while nobody looked.
func (f *Folder) begin(w *Watcher) error {
	f.Quiet = orDefault(f.Quiet, defaultQuiet)
	f.dirs, f.beside = map[string]*watchedDir{}, newFileWatch(f.Root, w)
	series, _, err := w.state.all()
	if err != nil {
		return wrapState(err)
	}
	for _, e := range series {
		e.Stable = false
	}
	return wrapState(w.state.put(series, nil))
}

// dir looks at one folder.
func (f *Folder) dir(ctx context.Context, w *Watcher, name string) error {
	path, now := filepath.Join(f.Root, name), w.opts.Now()
	signature, err := signatureOf(path)
	if err != nil {
		return nil //nolint:nilerr // it went away, or is not readable yet
	}
	d := f.dirs[name]
	if d == nil {
		uri, err := series.FileURI(path)
		if err != nil {
			return err
		}
		d = &watchedDir{uri: uri, seen: now}
		f.dirs[name] = d
	}
	if d.signature != signature {
		d.signature, d.since = signature, now
		return f.note(w, d, false)
	}
	if d.opened == signature || now.Sub(d.since) < f.Quiet {
		return nil
	}
	series, err := dicomio.Open(ctx, path, dicomio.Options{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.opened, d.problem, d.series, d.stuck = signature, "", nil, nil
	if err != nil {
		d.problem = string(coded.CodeOf(err))
	}
	for _, s := range series {
		d.series = append(d.series, sighting{studyUID: s.StudyUID, seriesUID: s.SeriesUID, uri: d.uri, version: signature})
	}
	d.found = f.candidates(path, d, now)
	return f.note(w, d, true)
}

// note keeps what is known of the series of a folder.
func (f *Folder) note(w *Watcher, d *watchedDir, stable bool) error {
	if len(d.series) == 0 {
		return nil
	}
	return wrapState(w.state.db.Update(func(tx *bbolt.Tx) error {
		for _, s := range d.series {
			s.stable = stable
			if err := see(tx, s, w.opts.Now()); err != nil {
				return err
			}
		}
		return nil
	}))
}

// candidates reads the files among the images that may bring some.
func (f *Folder) candidates(path string, d *watchedDir, now time.Time) (found []*note) {
	_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error { // what cannot be read has none
		if err != nil || !entry.Type().IsRegular() || !mayBeNote(name) {
			return nil
		}
		n, stuck := f.beside.look(name, now)
		switch {
		case stuck != nil:
			d.stuck = append(d.stuck, *stuck)
			return nil
		case n == nil:
			return nil
		}
		if n.SeriesUID == "" && len(d.series) == 1 {
			n.Folder = d.uri
		}
		found = append(found, n)
		return nil
	})
	return found
}

// mayBeNote tells files worth reading as a whole: tables, JSON and XML by their
// names, reports by their headers.
func mayBeNote(name string) bool {
	if ext := strings.ToLower(filepath.Ext(name)); ext == ".csv" || ext == ".json" || ext == ".xml" {
		return true
	}
	file, err := smallfile.Open(name) //nolint:gosec // below the folder that is watched
	if err != nil {
		return false
	}
	defer file.Close()
	h, err := sr.ReadHeader(file)
	return err == nil && h.Modality == "SR"
}

// notes are those in files.
func (f *Folder) notes() (list []*note) {
	for _, file := range f.beside.files {
		if file.note != nil {
			list = append(list, file.note)
		}
	}
	for _, d := range f.dirs {
		list = append(list, d.found...)
	}
	slices.SortFunc(list, func(a, b *note) int { return strings.Compare(a.path, b.path) })
	return list
}

// stuck lists folders without a series, and files that bring nothing.
func (f *Folder) stuck() (list []Waiting) {
	if f.beside == nil {
		return nil
	}
	for name, d := range f.dirs {
		list = append(list, d.stuck...)
		if len(d.series) > 0 {
			continue
		}
		l := Waiting{What: "folder", Since: d.seen.UTC(), Missing: MissingImages, Detail: "files still come", Path: filepath.Join(f.Root, name)}
		if d.problem != "" {
			l.Detail = "no CT series can be read in it (" + d.problem + ")"
		}
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b Waiting) int { return strings.Compare(a.Path, b.Path) })
	return append(list, f.beside.stuck()...)
}

// signatureOf follows from names, sizes and times of all files below a folder.
func signatureOf(dir string) (string, error) {
	var parts []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if len(parts) > maxFiles {
			return fs.SkipAll // more than a series may have
		}
		parts = append(parts, path+"\x00"+info.ModTime().UTC().Format(time.RFC3339Nano)+"\x00"+strconv.FormatInt(info.Size(), 10))
		return nil
	})
	return digest.Texts(parts...), err
}
