package nodule

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/nodulescope/nodulescope/dicomio"
)

// ParseJSON reads an array of candidates or an object that has one under
// "nodules". Unknown fields are ignored; every candidate needs id and
// position_lps_mm with exactly three numbers. At most 32 MiB are read.
//
//	{"nodules": [{"id": "a", "position_lps_mm": [56.2, 86.3, -115.9], "diameter_mm": 23.4}]}
func ParseJSON(r io.Reader) ([]Candidate, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxCandidateFileBytes+1))
	if err != nil {
		return nil, badFileCause(err, "cannot be read")
	}
	if len(data) > MaxCandidateFileBytes {
		return nil, badFile("larger than the limit of %d MiB", MaxCandidateFileBytes>>20)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		var object struct {
			Nodules *[]json.RawMessage `json:"nodules"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return nil, badFileCause(jsonCause(err), "not an array of candidates and not an object with \"nodules\"")
		}
		if object.Nodules == nil {
			return nil, badFile("the object has no \"nodules\"; give an array of candidates under that name")
		}
		list = *object.Nodules
	}
	if len(list) > MaxCandidates {
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
