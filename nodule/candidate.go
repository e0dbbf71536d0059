package nodule

import (
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Limits of candidates.
const (
	maxCandidates   = 512    // in one job or file
	maxCoordinateMM = 5000.0 // no scanner reaches further from its origin
	MaxDiameterMM   = 200.0
	maxIDLength     = 128 // characters
)

// Candidate is a place in a CT series that a detector or reader has marked.
type Candidate struct {
	ID          string      `json:"id"`
	PositionLPS dicomio.Vec `json:"position_lps_mm"`       // LPS mm, x, y, z
	DiameterMM  float64     `json:"diameter_mm,omitempty"` // 0: unknown
	Confidence  float64     `json:"confidence,omitempty"`  // 0: unknown
}

// Validate refuses a candidate with CodeCandidateInvalid unless its position is
// finite and within ±5000 mm, its diameter between 0 and 200 mm, its confidence
// finite, and its id 1 to 128 printable characters.
func (c Candidate) Validate() error {
	for axis, v := range c.PositionLPS {
		if math.IsNaN(v) || math.Abs(v) > maxCoordinateMM {
			return invalidCandidate("the %c coordinate is %g mm; give LPS millimetres within ±%g", "xyz"[axis], v, maxCoordinateMM)
		}
	}
	if !(c.DiameterMM >= 0 && c.DiameterMM <= MaxDiameterMM) {
		return invalidCandidate("the diameter is %g mm; give 0 (unknown) to %g", c.DiameterMM, MaxDiameterMM)
	}
	if math.IsNaN(c.Confidence) || math.IsInf(c.Confidence, 0) {
		return invalidCandidate("the confidence is %g; give a finite number or leave it out", c.Confidence)
	}
	n := utf8.RuneCountInString(c.ID)
	if n < 1 || n > maxIDLength {
		return invalidCandidate("the id has %d characters; give 1 to %d", n, maxIDLength)
	}
	if !utf8.ValidString(c.ID) {
		return invalidCandidate("the id is not valid UTF-8")
	}
	for _, r := range c.ID {
		if !unicode.IsPrint(r) {
			return invalidCandidate("the id holds the unprintable character %U; use letters, digits and signs", r)
		}
	}
	return nil
}

func invalidCandidate(format string, args ...any) error {
	return &Error{Code: CodeCandidateInvalid, Op: "check candidate", Hint: fmt.Sprintf(format, args...)}
}

// ValidateAll checks 1 to 512 candidates with unique ids. The error names the
// first bad one by its place in the list, counted from 1.
func ValidateAll(cs []Candidate) error {
	const op = "check candidates"
	if len(cs) == 0 {
		return &Error{Code: CodeNoCandidates, Op: op, Hint: "there are none; give at least one"}
	}
	if len(cs) > maxCandidates {
		return &Error{Code: CodeTooManyCandidates, Op: op, Hint: fmt.Sprintf("there are %d; give at most %d at a time", len(cs), maxCandidates)}
	}
	seen := make(map[string]int, len(cs))
	for i, c := range cs {
		if err := c.Validate(); err != nil {
			return fmt.Errorf("candidate %d of %d: %w", i+1, len(cs), err)
		}
		if j, ok := seen[c.ID]; ok {
			return sameID(j, i)
		}
		seen[c.ID] = i
	}
	return nil
}

// sameID refuses two candidates, by their places from 0.
func sameID(i, j int) error {
	return &Error{Code: CodeCandidateDuplicate, Op: "check candidates", Hint: fmt.Sprintf("numbers %d and %d have the same id; give each its own", i+1, j+1)}
}
