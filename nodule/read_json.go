package nodule

import (
	"encoding/json"
	"errors"

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
		if object.Nodules == nil {
			return nil, badFile("the object has no \"nodules\"; give an array of candidates under that name")
		}
		list, f.StudyUID, f.FrameOfReferenceUID = *object.Nodules, object.StudyUID, object.Frame
		if object.SeriesUID != "" {
			f.SeriesUIDs = []string{object.SeriesUID}
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
		// Pointers and a slice, because a fixed array would take a position
		// of two numbers for one with z = 0.
		var c struct {
			ID         string    `json:"id"`
			Position   []float64 `json:"position_lps_mm"`
			DiameterMM float64   `json:"diameter_mm"`
			Confidence float64   `json:"confidence"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, badFileCause(jsonCause(err), "candidate %d of %d cannot be read", i+1, len(list))
		}
		if len(c.Position) != 3 {
			return nil, badFile("candidate %d of %d has %d coordinates; give position_lps_mm as [x, y, z]", i+1, len(list), len(c.Position))
		}
		cs[i] = Candidate{ID: c.ID, PositionLPS: dicomio.Vec(c.Position), DiameterMM: c.DiameterMM, Confidence: c.Confidence}
	}
	if err := ValidateAll(cs); err != nil {
		return nil, err
	}
	return cs, nil
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
