package watch

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// maxFiles is how many files of a folder are looked at.
const maxFiles = 20_000

// fileWatch reads the candidates in the files of a folder, not of those below
// it. A file is read when it has not changed between two looks.
type fileWatch struct {
	dir   string
	log   *slog.Logger
	files map[string]*watched // by name

	looked *uint64 // files that bring nothing are counted, and named by that in the log
}

// watched is a file.
type watched struct {
	size    int64
	changed time.Time // of the file
	read    bool
	note    *note    // nil where it has none
	stuck   *Waiting // why it has none
	seen    time.Time
}

func newFileWatch(dir string, w *Watcher) *fileWatch {
	return &fileWatch{dir: dir, log: w.log, looked: &w.looked, files: map[string]*watched{}}
}

// poll returns the notes in all files that are there now.
func (f *fileWatch) poll(now time.Time) (notes []*note, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, coded.New(codeSettings, "read candidates", "the folder of candidates cannot be read: does it exist?", err)
	}
	there := map[string]bool{}
	for _, entry := range entries[:min(len(entries), maxFiles)] {
		name := entry.Name()
		if !entry.Type().IsRegular() || strings.HasPrefix(name, ".") {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue // it went away
		}
		there[name] = true
		old := f.files[name]
		switch {
		case old == nil || old.size != info.Size() || !old.changed.Equal(info.ModTime()):
			f.files[name] = &watched{size: info.Size(), changed: info.ModTime(), seen: now}
			if old != nil && old.note != nil {
				notes = append(notes, old.note) // until the new content is there
				f.files[name].note = old.note
			}
			continue
		case !old.read:
			f.read(name, old)
		}
		if old.note != nil {
			notes = append(notes, old.note)
		}
	}
	for name := range f.files {
		if !there[name] {
			delete(f.files, name)
		}
	}
	return notes, nil
}

func (f *fileWatch) read(name string, file *watched) {
	file.read = true
	file.note, file.stuck = f.look(filepath.Join(f.dir, name), file.seen)
}

// look reads a file that may bring candidates. Where it brings none it says why,
// in the log and by a line for the list of what waits; a report of this program
// brings none by nature.
func (f *fileWatch) look(path string, seen time.Time) (*note, *Waiting) {
	text, err := readSmall(path)
	var n note
	if err == nil {
		n, err = readNote(text)
	}
	switch {
	case err == nil:
		n.Seen, n.path = seen.UTC(), path
		return &n, nil
	case errors.Is(err, errOwn):
		return nil, nil
	}
	*f.looked++
	l := &Waiting{Number: *f.looked, What: "file", Since: seen.UTC(), Path: path}
	if errors.Is(err, errNoNote) {
		l.Missing, l.Detail = NotCandidates, "not a file of candidates: "+reason(err)
		f.log.Info("file skipped, and listed as waiting", "file", l.Number, "code", l.Missing, "reason", reason(err))
		return nil, l
	}
	code := coded.CodeOf(err)
	l.What, l.Late, l.Missing, l.Detail = "candidates", true, MissingNothing, "the file cannot be used ("+string(code)+")"
	f.log.Error("a file of candidates cannot be used, and is listed as waiting", "file", l.Number, "code", code, "error", coded.Summary(err))
	return nil, l
}

// reason says why a file is none of candidates, without its path.
func reason(err error) string {
	if coded.CodeOf(err) == "" {
		return err.Error() // one of ours
	}
	return coded.Summary(err)
}

// stuck lists the files that bring nothing.
func (f *fileWatch) stuck() (list []Waiting) {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if file := f.files[name]; file.stuck != nil {
			list = append(list, *file.stuck)
		}
	}
	return list
}

// readSmall reads a file with candidates; errNoNote where it is too large to
// be one.
func readSmall(path string) ([]byte, error) {
	f, err := smallfile.Open(path) //nolint:gosec // in a folder that a setting names
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNoteBytes+1))
	if err == nil && len(text) > maxNoteBytes {
		err = fmt.Errorf("%w: it is larger than %d MiB", errNoNote, maxNoteBytes>>20)
	}
	return text, err
}
