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
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
)

// maxFiles is how many files of a folder are looked at.
const maxFiles = 20_000

// fileWatch reads the candidates in the files of a folder, not of those below
// it. A file is read when it has not changed between two looks.
type fileWatch struct {
	dir   string
	log   *slog.Logger
	files map[string]*watched // by name
}

// watched is a file.
type watched struct {
	size    int64
	changed time.Time // of the file
	read    bool
	note    *note // nil where it has none
	problem string
	seen    time.Time
}

func newFileWatch(dir string, log *slog.Logger) *fileWatch {
	return &fileWatch{dir: dir, log: log, files: map[string]*watched{}}
}

// poll returns the notes in all files that are there now.
func (f *fileWatch) poll(now time.Time) (notes []*note, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, coded.New(codeSettings, "read candidates", "the folder of candidates cannot be read: is it there?", err)
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
	file.read, file.note = true, nil
	path := filepath.Join(f.dir, name)
	text, err := readSmall(path)
	var n note
	if err == nil {
		n, err = readNote(text)
	}
	switch {
	case errors.Is(err, errNoNote):
	case err != nil:
		file.problem = string(problem.CodeOf(err))
		f.log.Error("a file of candidates cannot be used; it is in the list of what waits", "code", file.problem, "error", problem.Summary(err))
	default:
		n.Seen, n.path = file.seen.UTC(), path
		file.note = &n
	}
}

// stuck lists the files that cannot be used.
func (f *fileWatch) stuck() (list []Waiting) {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if file := f.files[name]; file.problem != "" {
			list = append(list, Waiting{
				What: "candidates", Since: file.seen.UTC(), Late: true, Missing: MissingNothing,
				Detail: "the file cannot be used (" + file.problem + ")", Path: filepath.Join(f.dir, name),
			})
		}
	}
	return list
}

// readSmall reads a file with candidates; errNoNote where it is too large to
// be one.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // in a folder that a setting names
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
