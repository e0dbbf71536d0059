package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// closedName is what a closed file of a trail has in place of its ending.
var closedName = regexp.MustCompile(`-([0-9]{6,12})$`)

// Files lists the files of a trail that are there, oldest first: those that were closed,
// audit-000001.jsonl and on, and the one that is written to.
func Files(path string) ([]string, error) {
	files, err := closedFiles(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		files = append(files, path)
	}
	return files, nil
}

func closedFiles(path string) (files []string, err error) {
	stem, ending := split(path)
	all, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range all {
		name, found := strings.CutSuffix(e.Name(), ending)
		if number, is := strings.CutPrefix(name, filepath.Base(stem)); found && is && closedName.MatchString(number) && number[0] == '-' {
			files = append(files, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.SortFunc(files, func(a, b string) int { return numberOf(a) - numberOf(b) })
	return files, err
}

func split(path string) (stem, ending string) {
	ending = filepath.Ext(path)
	return strings.TrimSuffix(path, ending), ending
}

// numberOf is the number in the name of a closed file.
func numberOf(path string) int {
	stem, _ := split(path)
	m := closedName.FindStringSubmatch(stem)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

// turn begins a new file where the present one is full. Its first line holds the digest of
// the last one of the former, as any other line does. A process that ends half way goes on
// at the next [Open].
func (a *Trail) turn() error {
	if a.file != nil && (a.FileBytes <= 0 || a.size < a.FileBytes) {
		return nil
	}
	if a.file != nil {
		closed, err := closedFiles(a.path)
		if err != nil {
			return err
		}
		next := 1
		if len(closed) > 0 {
			next = numberOf(closed[len(closed)-1]) + 1
		}
		stem, ending := split(a.path)
		err = a.file.Close() // some systems rename no file that is open
		a.file = nil
		if err = errors.Join(err, atomicfile.Rename(a.path, fmt.Sprintf("%s-%06d%s", stem, next, ending))); err != nil {
			return err
		}
		a.size = 0
	}
	f, err := os.OpenFile(a.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	a.file, a.size = f, info.Size() // a former that could not be renamed is gone on with
	return nil
}

// Expire removes closed files whose last record is from before a time, oldest first, and
// tells how many. That each was there, and the digest of its last line, is a record of
// the trail before: [VerifyFiles] asks for that of the last one that is gone.
func (a *Trail) Expire(before time.Time) (files int, err error) {
	closed, err := closedFiles(a.path)
	if err != nil {
		return 0, coded.New(CodeFailed, "expire audit trail", "the folder cannot be read", err)
	}
	for _, path := range closed {
		digest, last, err := lastLine(path)
		if err != nil {
			return files, coded.New(CodeFailed, "expire audit trail", "a file cannot be read", err)
		}
		if !last.Before(before) {
			return files, nil
		}
		if err := a.Append(Record{Kind: KindForgotten, Detail: filepath.Base(path), Digest: digest}); err != nil {
			return files, err
		}
		if err := os.Remove(path); err != nil {
			return files, coded.New(CodeFailed, "expire audit trail", "a file cannot be removed", err)
		}
		files++
	}
	return files, nil
}

// lastLine is digest and time of the last line of a closed file.
func lastLine(path string) (digest string, at time.Time, err error) {
	f, err := os.Open(path) //nolint:gosec // of the trail
	if err != nil {
		return "", at, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", at, err
	}
	tail := make([]byte, min(info.Size(), 2*maxLine))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return "", at, err
	}
	line, whole := bytes.CutSuffix(tail, []byte("\n"))
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	var r Record
	if err := json.Unmarshal(line, &r); err != nil || !whole {
		return "", at, fmt.Errorf("%s does not end with a record", filepath.Base(path))
	}
	return lineDigest(line), r.Time, nil
}

// Copies opens the files of the trail as they are now, oldest first: what is appended
// later, or removed, changes nothing of what they give. The caller closes them.
func (a *Trail) Copies() (copies []Copy, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	files, err := Files(a.path)
	for _, path := range files {
		f, openErr := os.Open(path)
		if openErr != nil {
			err = errors.Join(err, openErr)
			break
		}
		c := Copy{Name: filepath.Base(path), Reader: f, file: f}
		if path == a.path {
			c.Reader = io.LimitReader(f, a.size)
		}
		copies = append(copies, c)
	}
	if err != nil {
		for _, c := range copies {
			err = errors.Join(err, c.Close())
		}
		return nil, coded.New(CodeFailed, "copy audit trail", "a file cannot be opened", err)
	}
	return copies, nil
}

// Copy is one file of a trail, open.
type Copy struct {
	io.Reader
	Name string
	file *os.File
}

// Close closes it.
func (c Copy) Close() error { return c.file.Close() }
