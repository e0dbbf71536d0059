package dataset

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// maxMessage bounds one result or decision in a file.
const maxMessage = 64 << 20

// ReadResults reads results as 'results --json' and 'score --json' print them, one
// after the other, and calls fn with each. Errors have CodeInput and name the
// number of the result.
func ReadResults(path string, fn func(bus.Result)) error {
	return readValues(path, "read results", func(r bus.Result) string {
		if r.Identity == "" || r.SeriesUID == "" {
			return "it has no identity or no series_uid: give what 'results --json' prints"
		}
		fn(r)
		return ""
	})
}

// ReadReviews reads decisions: JSON as 'reviews --json' prints it, or the CSV that
// the review page exports. Errors have CodeInput and name the number of the
// decision.
func ReadReviews(path string, fn func(bus.Review)) error {
	const op = "read decisions"
	use := func(r bus.Review) string {
		r = r.Migrated()
		if r.Identity == "" || r.NoduleID == "" || r.Reviewer == "" || !slices.Contains(bus.Verdicts(), r.Verdict) {
			return "it has no identity, nodule_id or reviewer, or a verdict that is not known"
		}
		if hint := bus.CheckDrawn(r.Outline, nil); hint != "" {
			return hint
		}
		fn(r)
		return ""
	}
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return inputError(op, path, "name a file that can be read", err)
	}
	defer f.Close() //nolint:errcheck // only read
	first := make([]byte, 64)
	n, err := io.ReadFull(f, first)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return inputError(op, path, "it cannot be read", err)
	}
	if text := strings.TrimLeft(string(first[:n]), "\ufeff \t\r\n"); strings.HasPrefix(text, "{") || text == "" {
		return readValues(path, op, use)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return inputError(op, path, "it cannot be read", err)
	}
	return readTable(path, op, &bounded{r: f}, use)
}

func inputError(op, path, hint string, cause error) error {
	return &coded.Error{Code: CodeInput, Op: op, Path: path, Hint: hint, Err: cause}
}

// bounded refuses more than maxMessage bytes since the last value that was used.
type bounded struct {
	r    io.Reader
	read int64
	used int64
}

var errTooLong = fmt.Errorf("more than %d MiB in one value", maxMessage>>20)

func (b *bounded) Read(p []byte) (int, error) {
	if b.read-b.used > maxMessage {
		return 0, errTooLong
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	return n, err
}

func readValues[T any](path, op string, use func(T) string) error {
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return inputError(op, path, "name a file that can be read", err)
	}
	defer f.Close() //nolint:errcheck // only read
	src := &bounded{r: f}
	d := json.NewDecoder(src)
	for n := 1; ; n++ {
		var v T
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if !errors.Is(err, errTooLong) {
				err = nil // it may show a value
			}
			return inputError(op, path, fmt.Sprintf("number %d is no JSON, or of another kind", n), err)
		}
		if hint := use(v); hint != "" {
			return inputError(op, path, fmt.Sprintf("number %d: %s", n, hint), nil)
		}
		src.used = d.InputOffset()
	}
}

// readTable reads the export of the review page.
func readTable(path, op string, src *bounded, use func(bus.Review) string) error {
	c := csv.NewReader(src)
	head, err := c.Read()
	if err != nil {
		return inputError(op, path, "it is neither JSON nor a table", nil)
	}
	column := map[string]int{}
	for i, name := range head {
		column[strings.TrimPrefix(name, "\ufeff")] = i + 1
	}
	for _, name := range []string{"identity", "nodule_id", "version", "decision", "reason", "reviewer", "time"} {
		if column[name] == 0 {
			return inputError(op, path, "the table has no column "+name+": give the export of the review page, or what 'reviews --json' prints", nil)
		}
	}
	for n := 1; ; n++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return inputError(op, path, fmt.Sprintf("line %d of the table is broken", n+1), nil)
		}
		src.used = src.read
		r, err := tableReview(func(name string) string {
			if i := column[name]; i > 0 {
				return row[i-1]
			}
			return ""
		})
		hint := "its version, time or outline makes no sense"
		if err == nil {
			hint = use(r)
		}
		if hint != "" {
			return inputError(op, path, fmt.Sprintf("line %d of the table: %s", n+1, hint), nil)
		}
	}
}

// tableReview reads a line. An id that begins as a formula has an apostrophe
// before it in the export.
func tableReview(cell func(string) string) (bus.Review, error) {
	plain := func(s string) string {
		if len(s) > 1 && s[0] == '\'' && strings.ContainsAny(s[1:2], "=+-@|%") {
			return s[1:]
		}
		return s
	}
	version, err := strconv.Atoi(cell("version"))
	if err != nil {
		return bus.Review{}, err
	}
	drawn, err := drawnOf(cell("drawn_outline"))
	if err != nil {
		return bus.Review{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, cell("time"))
	return bus.Review{Identity: cell("identity"), NoduleID: plain(cell("nodule_id")), Decision: cell("decision"), Reason: cell("reason"), Verdict: bus.Verdict(cell("verdict")), Kind: bus.Kind(cell("kind")),
		Reviewer: plain(cell("reviewer")), Time: at, Version: version, Outline: drawn}, err
}
