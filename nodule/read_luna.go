package nodule

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// ParseLUNA16 reads the rows of one series from a CSV file with the columns
// seriesuid, coordX, coordY, coordZ (LPS mm, as in LUNA16's annotations.csv) and,
// if present, diameter_mm. Ids are "luna-1", "luna-2" and so on, in file order.
// No row for the series gives CodeNoCandidates. At most 32 MiB are read.
func ParseLUNA16(r io.Reader, seriesUID string) ([]Candidate, error) {
	limited := &io.LimitedReader{R: r, N: MaxCandidateFileBytes + 1}
	rows := csv.NewReader(limited)
	rows.ReuseRecord = true
	rows.TrimLeadingSpace = true
	head, err := rows.Read()
	if err != nil {
		return nil, badFileCause(csvCause(err), "no header row")
	}
	col := map[string]int{}
	for i, name := range head {
		col[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range []string{"seriesuid", "coordx", "coordy", "coordz"} {
		if _, ok := col[name]; !ok {
			return nil, badFile("neither JSON nor XML, and as CSV it lacks the column %s; the header must name seriesuid, coordX, coordY, coordZ, diameter_mm", name)
		}
	}
	var cs []Candidate
	for {
		row, err := rows.Read()
		if limited.N <= 0 {
			return nil, badFile("larger than the limit of %d MiB", MaxCandidateFileBytes>>20)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badFileCause(csvCause(err), "not a table")
		}
		if strings.TrimSpace(row[col["seriesuid"]]) != seriesUID {
			continue
		}
		if len(cs) == MaxCandidates {
			return nil, &Error{Code: CodeTooManyCandidates, Op: "parse candidates", Hint: fmt.Sprintf("more than %d rows for this series", MaxCandidates)}
		}
		line, _ := rows.FieldPos(0)
		number := func(name string) float64 {
			i, ok := col[name]
			if !ok {
				return 0
			}
			v, e := strconv.ParseFloat(strings.TrimSpace(row[i]), 64)
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
			return nil, err
		}
		cs = append(cs, c)
	}
	if len(cs) == 0 {
		return nil, &Error{Code: CodeNoCandidates, Op: "parse candidates", Hint: "the table has no row for this series; check the series UID"}
	}
	if err := ValidateAll(cs); err != nil {
		return nil, err
	}
	return cs, nil
}

// csvCause names line and column of a syntax error.
func csvCause(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d, column %d: %w", p.Line, p.Column, p.Err)
	}
	return err
}
