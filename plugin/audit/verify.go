package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Verify reads an audit trail of one file and calls fn, which may be nil, with every
// record. It returns the number of records and the digest of the last line, and
// an error with code audit_failed at the first line that is damaged, too long,
// or does not follow from the one before.
func Verify(r io.Reader, fn func(Record) error) (records int, last string, err error) {
	c := chain{last: noPrev}
	err = c.read(r, "", fn)
	return c.records, c.last, err
}

// VerifyFiles is [Verify] of a trail of several files, oldest first: see [Files]. Its
// beginning may be missing only where a record tells that it was removed.
func VerifyFiles(paths []string, fn func(Record) error) (records int, last string, err error) {
	c := chain{last: noPrev, forgets: true}
	for _, path := range paths {
		f, err := smallfile.Open(path)
		if err != nil {
			return c.records, c.last, err
		}
		err = c.read(f, filepath.Base(path)+", ", fn)
		if err = errors.Join(err, f.Close()); err != nil {
			return c.records, c.last, err
		}
	}
	if c.gone != "" {
		return c.records, c.last, coded.New(CodeFailed, "verify audit trail", "its beginning is missing, and no record tells that it was removed", nil)
	}
	return c.records, c.last, nil
}

// chain is how far a trail was read.
type chain struct {
	records int
	last    string // digest of the last line
	forgets bool   // the first line may follow from one that was removed
	gone    string // digest of that line, until a record tells so
}

func (c *chain) read(r io.Reader, where string, fn func(Record) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	line := 1
	bad := func(hint string, cause error) error {
		return coded.New(CodeFailed, "verify audit trail", fmt.Sprintf("%sline %d %s", where, line, hint), cause)
	}
	for ; lines.Scan(); line++ {
		var record Record
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			return bad("is not a record", errors.New("not JSON, or a field of the wrong type"))
		}
		if c.records == 0 && c.forgets && !strings.EqualFold(record.Prev, noPrev) {
			c.gone, c.last = strings.ToLower(record.Prev), record.Prev
		}
		if !strings.EqualFold(record.Prev, c.last) {
			return bad("does not follow from the line before: a line was changed, added or taken out", nil)
		}
		if record.Kind == KindForgotten && strings.EqualFold(record.Digest, c.gone) {
			c.gone = ""
		}
		if fn != nil {
			if err := fn(record); err != nil {
				return err
			}
		}
		c.records, c.last = c.records+1, lineDigest(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return bad("cannot be read", err)
	}
	return nil
}
