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
)

// lunaNeeds are the columns that a table must have, in lower case.
var lunaNeeds = []string{"seriesuid", "coordx", "coordy", "coordz"}

// lunaColumns are the columns that are read.
var lunaColumns = map[string]bool{"seriesuid": true, "coordx": true, "coordy": true, "coordz": true, "diameter_mm": true}

// table is a CSV file whose header has been read.
type table struct {
	*csv.Reader
	col   map[string]int // column of every name, in lower case
	twice string         // a name that two columns have

	diameter string // name of the column of diameters in mm; "" where there is none
	sizes    bool   // there is a column of other sizes in its place
}

// openLUNA16 reads the header of a table. Between its columns are commas,
// semicolons, tabs or vertical bars, whichever the header has between the names.
func openLUNA16(text []byte) (*table, error) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if s := bytes.TrimSpace(first); len(s) == len("sep=;") && bytes.HasPrefix(s, []byte("sep=")) { // of spreadsheets
		first, text = rest, rest
		first, _, _ = bytes.Cut(first, []byte("\n"))
	}
	t, err := openTable(text, ',')
	for _, separator := range ";\t|" {
		if err == nil || !bytes.ContainsRune(first, separator) {
			continue
		}
		if other, fails := openTable(text, separator); fails == nil {
			t, err = other, nil
		}
	}
	if err == nil && t.twice != "" {
		err = badFile("a column comes twice%s; name each once", map[bool]string{true: ": " + t.twice}[lunaColumns[t.twice]])
	}
	if err == nil {
		var ambiguous error
		if t.diameter, t.sizes, ambiguous = diameterAmong(slices.Sorted(maps.Keys(t.col))); ambiguous != nil {
			err = badFile("%s", ambiguous)
		}
	}
	return t, err
}

func openTable(text []byte, separator rune) (*table, error) {
	t := &table{Reader: csv.NewReader(bytes.NewReader(text)), col: map[string]int{}}
	t.Comma, t.ReuseRecord = separator, true
	t.TrimLeadingSpace = separator != '\t' // which is a space to it, so that an empty field would go
	head, err := t.Read()
	if err != nil {
		return nil, badFileCause(errors.Join(csvCause(err), ErrNotCandidates), "no header row")
	}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, there := t.col[name]; there && name != "" {
			t.twice = name
		}
		t.col[name] = i
	}
	for _, name := range lunaNeeds {
		if _, ok := t.col[name]; !ok {
			return nil, badFileCause(ErrNotCandidates, "neither JSON nor XML, and as CSV it lacks the column %s; the header must name seriesuid, coordX, coordY, coordZ, diameter_mm, with commas, semicolons or tabs between them", name)
		}
	}
	return t, nil
}

// row reads a row and its line; io.EOF after the last.
func (t *table) row() (fields []string, line int, err error) {
	fields, err = t.Read()
	if err == nil {
		line, _ = t.FieldPos(0)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, 0, io.EOF
	case errors.Is(err, csv.ErrFieldCount):
		err = badFileCause(csvCause(err), "a row has not as many fields as the header; where numbers have a decimal comma, write a decimal point")
	case err != nil:
		err = badFileCause(csvCause(err), "not a table")
	}
	return fields, line, err
}

// lines gives a text the line ends of this program, also where it has those of
// old Macintoshes: a single CR.
func lines(text []byte) []byte {
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
}

// readLUNA16Head notes which series a table has rows of.
func readLUNA16Head(text []byte) (*CandidateFile, error) {
	text = lines(text)
	t, err := openLUNA16(text)
	if err != nil {
		return nil, err
	}
	series := map[string]bool{}
	for {
		row, _, err := t.row()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if uid := strings.TrimSpace(row[t.col["seriesuid"]]); !series[uid] {
			series[strings.Clone(uid)] = true
		}
	}
	return &CandidateFile{Kind: KindLUNA16, SeriesUIDs: slices.Sorted(maps.Keys(series)), text: text}, nil
}

// parseLUNA16 reads the rows of one series from a CSV file with the columns
// seriesuid, coordX, coordY, coordZ (LPS mm, as in LUNA16's annotations.csv) and,
// if present, diameter_mm or another name of it. Ids are "luna-1", "luna-2" and so on,
// in file order. A row that says what an earlier one of the series has said is left
// out. No row for the series gives CodeNoCandidates.
func parseLUNA16(text []byte, seriesUID string) ([]Candidate, []Skipped, error) {
	t, err := openLUNA16(text)
	if err != nil {
		return nil, nil, err
	}
	var cs []Candidate
	var skipped []Skipped
	if t.sizes {
		skipped = skip(skipped, sizeNotRead)
	}
	seen := map[Candidate]bool{}
	for {
		row, line, err := t.row()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if strings.TrimSpace(row[t.col["seriesuid"]]) != seriesUID {
			skipped = skip(skipped, "a row of another series")
			continue
		}
		var c Candidate
		for axis, name := range lunaNeeds[1:] {
			if c.PositionLPS[axis], err = numberIn(row[t.col[name]]); err != nil {
				return nil, skipped, badFile("line %d: %s %s", line, name, err)
			}
		}
		if i, there := t.col[t.diameter]; there && t.diameter != "" && !isBlank(row[i]) {
			c.DiameterMM, err = numberIn(row[i])
			if err != nil {
				return nil, skipped, badFile("line %d: diameter_mm %s", line, err)
			}
		}
		if seen[c] {
			skipped = skip(skipped, "a row that comes twice")
			continue
		}
		if len(cs) == maxCandidates {
			return nil, nil, &Error{Code: CodeTooManyCandidates, Op: "parse candidates", Hint: fmt.Sprintf("more than %d rows for this series", maxCandidates)}
		}
		seen[c] = true
		c.ID = fmt.Sprintf("luna-%d", len(cs)+1)
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

// numberIn reads a decimal number. Its error goes on from the name of the number.
func numberIn(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, errors.New("is not a number: it is blank")
	}
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && !strings.ContainsAny(text, "xXpP_") { // what Go takes and no other program writes
		return v, nil
	}
	if _, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err == nil && strings.Contains(text, ",") {
		return 0, errors.New("is not a number: it has a decimal comma; write a decimal point")
	}
	return 0, errors.New("is not a number")
}

// csvCause names line and column of a syntax error.
func csvCause(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d, column %d: %w", p.Line, p.Column, p.Err)
	}
	return err
}
