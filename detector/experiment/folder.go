package experiment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Files of a run folder.
const (
	settingsFile = "settings.json"
	dataFile     = "data.txt" // digest of the data, one line
	resultsFile  = "results.json"
	scoresFile   = "scores.csv.gz"
	reportFile   = "report.html"
	testFile     = "test-files.json"
	figuresDir   = "figures"
	stateDir     = "state"
	modelFile    = "model.safetensors"
	historyFile  = "history.csv.gz"
	curvesFile   = "search.csv.gz"
	notesFile    = "notes.json"
	noModelFile  = "no-model.csv"
)

// ErrFolder says that a folder belongs to another run.
var ErrFolder = errors.New("experiment: the folder holds another run")

// folder is where a run keeps everything.
type folder string

func (f folder) path(parts ...string) string {
	return filepath.Join(append([]string{string(f)}, parts...)...)
}

func (f folder) has(parts ...string) bool {
	_, err := os.Stat(f.path(parts...))
	return err == nil
}

// claim makes the folder the one of these settings and this data, and refuses
// one that already is of others.
func (f folder) claim(s Settings, dataDigest string) error {
	if err := os.MkdirAll(string(f), 0o755); err != nil { //nolint:gosec // results are no secret
		return fmt.Errorf("experiment: run folder: %w", err)
	}
	for _, item := range []struct {
		name string
		want []byte
	}{{settingsFile, s.JSON()}, {dataFile, []byte(dataDigest + "\n")}} {
		got, err := smallfile.Read(f.path(item.name), maxRecord)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := f.write(item.want, item.name); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("experiment: run folder: %w", err)
		case !bytes.Equal(got, item.want):
			return fmt.Errorf("%w: %s differs from what was asked for (%s); choose another folder, or go on with the settings in it", ErrFolder, f.path(item.name), difference(got, item.want))
		}
	}
	return nil
}

// difference is the first line in which two texts differ.
func difference(old, now []byte) string {
	a, b := strings.Split(string(old), "\n"), strings.Split(string(now), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("there %s, now %s", strings.Trim(a[i], " ,"), strings.Trim(b[i], " ,"))
		}
	}
	return "one of them is longer"
}

// write writes a file so that a crash leaves the old one or the new one. What
// is called .gz is compressed, the same bytes to the same file.
func (f folder) write(b []byte, parts ...string) error {
	path := f.path(parts...)
	if isCompressed(path) {
		b = compressed(b)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // results are no secret
		return fmt.Errorf("experiment: write %s: %w", path, err)
	}
	if err := atomicfile.WriteBytes(path, 0o644, b); err != nil {
		return fmt.Errorf("experiment: %w", err)
	}
	return nil
}

func (f folder) writeJSON(v any, parts ...string) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("experiment: write %s: %w", f.path(parts...), err)
	}
	return f.write(append(b, '\n'), parts...)
}

// read returns what write was given.
func (f folder) read(parts ...string) ([]byte, error) {
	path := f.path(parts...)
	b, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("experiment: read result: %w", err)
	}
	return b, nil
}

// maxRecord bounds a record of the run folder.
const maxRecord = 64 << 20

// testMark says whose networks were scored on the test files.
type testMark struct {
	Settings string   `json:"settings"` // digest
	Scored   []string `json:"scored"`   // units, each once
}

// markTest records that a unit is about to be scored on the test files. The
// record is written first: what was seen cannot be taken back. Another
// selection of settings in the same folder is refused.
func (f folder) markTest(s Settings, unit string) error {
	mark := testMark{Settings: s.Digest()}
	b, err := smallfile.Read(f.path(testFile), maxRecord)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("experiment: record of the test files: %w", err)
	default:
		if err := json.Unmarshal(b, &mark); err != nil {
			return fmt.Errorf("experiment: record of the test files %s: %w", f.path(testFile), err)
		}
	}
	if mark.Settings != s.Digest() {
		return fmt.Errorf("%w: its test files were scored with other settings (%s), and are scored once; see %s", ErrFolder, mark.Settings, f.path(testFile))
	}
	if slices.Contains(mark.Scored, unit) {
		return nil
	}
	mark.Scored = append(mark.Scored, unit)
	return f.writeJSON(mark, testFile)
}
