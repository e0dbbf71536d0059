package nodule

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// openLUNA16 reads the header of a table: the column of every name, in lower
// case.
func openLUNA16(r io.Reader) (rows *csv.Reader, col map[string]int, err error) {
	rows = csv.NewReader(r)
	rows.ReuseRecord = true
	rows.TrimLeadingSpace = true
	head, err := rows.Read()
	if err != nil {
		return nil, nil, badFileCause(errors.Join(csvCause(err), ErrNotCandidates), "no header row")
	}
	col = map[string]int{}
	twice := ""
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, there := col[name]; there && name != "" {
			twice = name
		}
		col[name] = i
	}
	for _, name := range []string{"seriesuid", "coordx", "coordy", "coordz"} {
		if _, ok := col[name]; !ok {
			return nil, nil, badFileCause(ErrNotCandidates, "neither JSON nor XML, and as CSV it lacks the column %s; the header must name seriesuid, coordX, coordY, coordZ, diameter_mm", name)
		}
	}
	if twice != "" {
		return nil, nil, badFile("a column comes twice%s; name each once", map[bool]string{true: ": " + twice}[lunaColumns[twice]])
	}
	return rows, col, nil
}

// lunaColumns are the columns that are read.
var lunaColumns = map[string]bool{"seriesuid": true, "coordx": true, "coordy": true, "coordz": true, "diameter_mm": true}

// readLUNA16Head notes which series a table has rows of.
func readLUNA16Head(text []byte) (*CandidateFile, error) {
	rows, col, err := openLUNA16(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	series := map[string]bool{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badFileCause(csvCause(err), "not a table")
		}
		series[strings.Clone(strings.TrimSpace(row[col["seriesuid"]]))] = true
	}
	return &CandidateFile{Kind: KindLUNA16, SeriesUIDs: slices.Sorted(maps.Keys(series)), text: text}, nil
}

// parseLUNA16 reads the rows of one series from a CSV file with the columns
// seriesuid, coordX, coordY, coordZ (LPS mm, as in LUNA16's annotations.csv) and,
// if present, diameter_mm. Ids are "luna-1", "luna-2" and so on, in file order.
// No row for the series gives CodeNoCandidates.
func parseLUNA16(r io.Reader, seriesUID string) ([]Candidate, []Skipped, error) {
	rows, col, err := openLUNA16(r)
	if err != nil {
		return nil, nil, err
	}
	var cs []Candidate
	var skipped []Skipped
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, badFileCause(csvCause(err), "not a table")
		}
		if strings.TrimSpace(row[col["seriesuid"]]) != seriesUID {
			skipped = skip(skipped, "a row of another series")
			continue
		}
		if len(cs) == maxCandidates {
			return nil, nil, &Error{Code: CodeTooManyCandidates, Op: "parse candidates", Hint: fmt.Sprintf("more than %d rows for this series", maxCandidates)}
		}
		line, _ := rows.FieldPos(0)
		number := func(name string) float64 {
			i, ok := col[name]
			if !ok {
				return 0
			}
			text := strings.TrimSpace(row[i])
			if text == "" && name == "diameter_mm" {
				return 0 // unknown
			}
			v, e := strconv.ParseFloat(text, 64)
			if e != nil && err == nil {
				err = badFile("line %d: %s is not a number", line, name)
			}
			return v
		}
		c := Candidate{
			ID:          fmt.Sprintf("luna-%d", len(cs)+1),
			PositionLPS: dicomio.Vec{number("coordx"), number("coordy"), number("coordz")},
			DiameterMM:  number("diameter_mm"),
		}
		if err != nil {
			return nil, skipped, err
		}
		cs = append(cs, c)
	}
	if len(cs) == 0 {
		return nil, skipped, &Error{Code: CodeNoCandidates, Op: "parse candidates", Hint: "the table has no row for this series; check the series UID"}
	}
	if err := ValidateAll(cs); err != nil {
		return nil, skipped, err
	}
	return cs, skipped, nil
}

// csvCause names line and column of a syntax error.
func csvCause(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d, column %d: %w", p.Line, p.Column, p.Err)
	}
	return err
}
