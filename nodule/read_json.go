package nodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// readJSON reads an array of candidates or an object that has one under
// "nodules". Unknown fields are ignored; every candidate needs id and
// position_lps_mm with exactly three numbers.
//
//	{"nodules": [{"id": "a", "position_lps_mm": [56.2, 86.3, -115.9], "diameter_mm": 23.4}]}
func readJSON(data []byte) (*CandidateFile, error) {
	f := &CandidateFile{Kind: KindJSON}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		var object struct {
			StudyUID  string             `json:"study_uid"`
			SeriesUID string             `json:"series_uid"`
			Frame     string             `json:"frame_of_reference_uid"`
			Nodules   *[]json.RawMessage `json:"nodules"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return nil, badFileCause(jsonCause(err), "not an array of candidates and not an object with \"nodules\"")
		}
		if err := checkKeys(data, "study_uid", "series_uid", "frame_of_reference_uid", "nodules"); err != nil {
			return nil, badFileCause(err, "the object with \"nodules\" cannot be used")
		}
		if object.Nodules == nil {
			return nil, badFile("the object has no \"nodules\"; give an array of candidates under that name")
		}
		list, f.StudyUID, f.FrameOfReferenceUID = *object.Nodules, strings.TrimSpace(object.StudyUID), strings.TrimSpace(object.Frame)
		if uid := strings.TrimSpace(object.SeriesUID); uid != "" {
			f.SeriesUIDs = []string{uid}
		}
	}
	cs, err := candidatesIn(list)
	if err != nil {
		return nil, err
	}
	for _, c := range cs {
		f.Marks = append(f.Marks, Mark{ID: c.ID, DiameterMM: c.DiameterMM, Confidence: c.Confidence, Points: []dicomio.Vec{c.PositionLPS}})
	}
	return f, nil
}

// candidatesIn reads the candidates of an array and checks them.
func candidatesIn(list []json.RawMessage) ([]Candidate, error) {
	if len(list) > maxCandidates {
		return nil, ValidateAll(make([]Candidate, len(list)))
	}
	cs := make([]Candidate, len(list))
	for i, raw := range list {
		// A slice of pointers, because an array would take a position of two
		// numbers, or with a null, for one with z = 0.
		var c struct {
			ID         string     `json:"id"`
			Position   []*float64 `json:"position_lps_mm"`
			DiameterMM float64    `json:"diameter_mm"`
			Confidence float64    `json:"confidence"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, badFileCause(jsonCause(err), "candidate %d of %d cannot be read", i+1, len(list))
		}
		if len(c.Position) != 3 {
			return nil, badFile("candidate %d of %d has %d coordinates; give position_lps_mm as [x, y, z]", i+1, len(list), len(c.Position))
		}
		if err := checkKeys(raw, "id", "position_lps_mm", "diameter_mm", "confidence"); err != nil {
			return nil, badFileCause(err, "candidate %d of %d cannot be used", i+1, len(list))
		}
		var at dicomio.Vec
		for axis, v := range c.Position {
			if v == nil {
				return nil, badFile("candidate %d of %d has no %c coordinate: it is null; give position_lps_mm as [x, y, z]", i+1, len(list), "xyz"[axis])
			}
			at[axis] = *v
		}
		cs[i] = Candidate{ID: c.ID, PositionLPS: at, DiameterMM: c.DiameterMM, Confidence: c.Confidence}
	}
	if err := ValidateAll(cs); err != nil {
		return nil, err
	}
	return cs, nil
}

// checkKeys wants every key of an object once, and those that are known in their
// own case: encoding/json takes the last of several, in any case.
func checkKeys(object []byte, known ...string) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		return jsonCause(err)
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return jsonCause(err)
		}
		key, _ := token.(string)
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, key) })
		switch {
		case i >= 0 && known[i] != key:
			return errors.New("the key " + known[i] + " is written in another case")
		case seen[key] && i >= 0:
			return errors.New("the key " + key + " comes twice")
		case seen[key]:
			return errors.New("a key comes twice")
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return jsonCause(err)
		}
	}
	return nil
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
