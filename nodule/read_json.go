package nodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/uidnames"
)

// readJSON reads an array of candidates or an object that has one under
// "nodules". Unknown fields are ignored; every candidate needs id and
// position_lps_mm with exactly three numbers. The object and every candidate may
// name a study, a series and a frame of reference, in any spelling that
// uidnames knows.
//
//	{"nodules": [{"id": "a", "position_lps_mm": [56.2, 86.3, -115.9], "diameter_mm": 23.4}]}
func readJSON(data []byte) (*CandidateFile, error) {
	if !utf8.Valid(data) {
		return nil, badFile("the text is not UTF-8 but perhaps Latin-1 or Windows-1252; save it as UTF-8")
	}
	var named uidnames.UIDs
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		var object struct {
			Nodules *[]json.RawMessage `json:"nodules"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return nil, badFileCause(jsonCause(err), "not an array of candidates and not an object with \"nodules\"")
		}
		if named, err = uidnames.In(data, "nodules"); err != nil {
			return nil, badFileCause(jsonCause(err), "the object with \"nodules\" cannot be used")
		}
		if object.Nodules == nil {
			return nil, badFile("the object has no \"nodules\"; give an array of candidates under that name")
		}
		list = *object.Nodules
	}
	marks, sizes, err := marksIn(list)
	if err != nil {
		return nil, err
	}
	f := &CandidateFile{Kind: KindJSON, Marks: marks}
	if sizes {
		f.Skipped = skip(f.Skipped, sizeNotRead)
	}
	return f, f.name(named)
}

// marksIn reads the candidates of an array and checks them. At most 512 may name
// the same series, each with an id of its own. sizes says that some have a size
// that is not read.
func marksIn(list []json.RawMessage) (marks []Mark, sizes bool, err error) {
	if len(list) == 0 {
		return nil, false, ValidateAll(nil)
	}
	series := map[string]int{}
	for i, raw := range list {
		m, other, err := markIn(raw)
		if err != nil {
			return nil, false, badFile("candidate %d of %d %s", i+1, len(list), err)
		}
		if series[m.SeriesUID]++; series[m.SeriesUID] > maxCandidates {
			return nil, false, ValidateAll(make([]Candidate, maxCandidates+1))
		}
		marks, sizes = append(marks, m), sizes || other
	}
	seen := map[[2]string]int{}
	for i, m := range marks {
		if err := m.candidate(m.Points[0]).Validate(); err != nil {
			return nil, false, fmt.Errorf("candidate %d of %d: %w", i+1, len(marks), err)
		}
		key := [2]string{m.SeriesUID, m.ID}
		if j, ok := seen[key]; ok {
			return nil, false, sameID(j, i)
		}
		seen[key] = i
	}
	return marks, sizes, nil
}

// markIn reads one candidate; sizes says that it has a size that is not read. Its error goes
// on from "candidate 1 of 2".
func markIn(raw []byte) (m Mark, sizes bool, err error) {
	// A slice of pointers, because an array would take a position of two
	// numbers, or with a null, for one with z = 0.
	var c struct {
		ID         string          `json:"id"`
		Position   []*float64      `json:"position_lps_mm"`
		Confidence json.RawMessage `json:"confidence"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return m, false, fmt.Errorf("cannot be read: %w", jsonCause(err))
	}
	if len(c.Position) != 3 {
		return m, false, fmt.Errorf("has %d coordinates; give position_lps_mm as [x, y, z]", len(c.Position))
	}
	named, err := uidnames.In(raw, "id", "position_lps_mm", "diameter_mm", "confidence")
	if err != nil {
		return m, false, fmt.Errorf("cannot be used: %w", jsonCause(err))
	}
	var at dicomio.Vec
	for axis, v := range c.Position {
		if v == nil {
			return m, false, fmt.Errorf("has no %c coordinate: it is null; give position_lps_mm as [x, y, z]", "xyz"[axis])
		}
		at[axis] = *v
	}
	m = Mark{ID: c.ID, Points: []dicomio.Vec{at}, StudyUID: named.Study, SeriesUID: named.Series, FrameOfReferenceUID: named.Frame}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return m, false, fmt.Errorf("cannot be read: %w", jsonCause(err))
	}
	diameter, sizes, err := diameterAmong(slices.Sorted(maps.Keys(all)))
	if err != nil {
		return m, false, fmt.Errorf("cannot be used: %w", err)
	}
	if m.DiameterMM, err = optionalNumber(all[diameter]); err != nil {
		return m, false, fmt.Errorf("cannot be used: diameter_mm %w", err)
	}
	if m.Confidence, err = optionalNumber(c.Confidence); err != nil {
		return m, false, fmt.Errorf("cannot be used: confidence %w", err)
	}
	return m, sizes, nil
}

// optionalNumber reads a number that may be absent: null, or a text that says
// so. Its error goes on from the name of the number.
func optionalNumber(raw json.RawMessage) (v float64, err error) {
	var text *string
	if len(raw) == 0 || json.Unmarshal(raw, &text) == nil && (text == nil || isBlank(*text)) {
		return 0, nil
	}
	if json.Unmarshal(raw, &v) != nil {
		return 0, errors.New("is not a number")
	}
	return v, nil
}

// isBlank tells what a table has where there is no value.
func isBlank(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "-", "--", "\u2013", "\u2014", "?", ".", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "nil", "unknown":
		return true
	}
	return false
}

// name keeps what the object around the candidates names, or else what all of
// them do. Some that name their series, among others that do not, are refused:
// of those nobody can say where they belong.
func (f *CandidateFile) name(object uidnames.UIDs) error {
	all := func(uid string, of func(Mark) string, what string, must bool) ([]string, error) {
		if uid != "" {
			return []string{uid}, nil
		}
		var list []string
		for i, m := range f.Marks {
			uid := of(m)
			if i > 0 && (uid == "") != (of(f.Marks[0]) == "") {
				if must {
					return nil, badFile("candidate %d of %d and those before it differ in whether they name their %s; name it in each, or once beside \"nodules\"", i+1, len(f.Marks), what)
				}
				return nil, nil
			}
			if uid != "" {
				list = append(list, uid)
			}
		}
		slices.Sort(list)
		return slices.Compact(list), nil
	}
	one := func(list []string) string {
		if len(list) == 1 {
			return list[0]
		}
		return ""
	}
	var err error
	if f.SeriesUIDs, err = all(object.Series, func(m Mark) string { return m.SeriesUID }, "series", true); err != nil {
		return err
	}
	must := len(f.SeriesUIDs) == 0
	studies, err := all(object.Study, func(m Mark) string { return m.StudyUID }, "study", must)
	if err != nil {
		return err
	}
	frames, err := all(object.Frame, func(m Mark) string { return m.FrameOfReferenceUID }, "frame of reference", must)
	f.StudyUID, f.FrameOfReferenceUID = one(studies), one(frames)
	return err
}

// jsonCause keeps the place of a type error and drops the value it quotes.
func jsonCause(err error) error {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		if t.Field == "" {
			return errors.New("a value has the wrong type")
		}
		return errors.New("the field " + t.Field + " has the wrong type")
	}
	return err
}
