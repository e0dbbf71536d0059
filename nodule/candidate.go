package nodule

import "github.com/nodulescope/nodulescope/dicomio"

// Candidate is a place in a CT series that a detector or reader has marked.
type Candidate struct {
	ID          string      `json:"id"`
	PositionLPS dicomio.Vec `json:"position_lps_mm"`       // LPS mm, x, y, z
	DiameterMM  float64     `json:"diameter_mm,omitempty"` // 0: unknown
	Confidence  float64     `json:"confidence,omitempty"`  // 0: unknown
}
