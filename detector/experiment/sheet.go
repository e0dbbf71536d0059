package experiment

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// sheet is a table of numbers, such as the losses of a training step by step.
// Its file keeps every bit, so that a figure made from it is the same.
type sheet struct {
	columns []string
	rows    [][]float64 // [n][len(columns)]
}

// limits of a sheet that is read.
const (
	maxSheetColumns = 512
	maxSheetRows    = 1 << 20
)

var errSheet = errors.New("experiment: not a table of numbers")

// column returns one column, nil where there is none of that name.
func (s *sheet) column(name string) []float64 {
	for c, have := range s.columns {
		if have != name {
			continue
		}
		v := make([]float64, len(s.rows))
		for i, r := range s.rows {
			v[i] = r[c]
		}
		return v
	}
	return nil
}

// csv is the sheet as a file.
func (s *sheet) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(s.columns) // a buffer takes everything
	line := make([]string, len(s.columns))
	for _, r := range s.rows {
		for i, v := range r {
			line[i] = strconv.FormatFloat(v, 'g', -1, 64)
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.Bytes()
}

// sheet reads a sheet in the folder; nil where there is none.
func (f folder) sheet(name string) (*sheet, error) {
	if !f.has(name) {
		return nil, nil
	}
	b, err := f.read(name)
	if err != nil {
		return nil, err
	}
	s, err := readSheet(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path(name), err)
	}
	return s, nil
}

// readSheet reads what csv wrote. Numbers must be finite.
func readSheet(b []byte) (*sheet, error) {
	r := csv.NewReader(bytes.NewReader(b))
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSheet, err)
	}
	if len(head) > maxSheetColumns {
		return nil, fmt.Errorf("%w: %d columns, at most %d are read", errSheet, len(head), maxSheetColumns)
	}
	s := &sheet{columns: append([]string(nil), head...)}
	seen := map[string]bool{}
	for _, c := range s.columns {
		if c == "" || seen[c] {
			return nil, fmt.Errorf("%w: a column has no name, or two are called %.64q", errSheet, c)
		}
		seen[c] = true
	}
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSheet, err)
		}
		if len(s.rows) == maxSheetRows {
			return nil, fmt.Errorf("%w: over %d lines", errSheet, maxSheetRows)
		}
		row := make([]float64, len(line))
		for i, text := range line {
			if row[i], err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(row[i]) || math.IsInf(row[i], 0) {
				return nil, fmt.Errorf("%w: line %d, column %.64q: %.32q is no finite number", errSheet, len(s.rows)+2, s.columns[i], text)
			}
		}
		s.rows = append(s.rows, row)
	}
}
