package bus

import (
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/nodule/measure"
)

// Outliner names the network that outlined the nodules of a result.
type Outliner struct {
	Name          string `json:"name"`
	Digest        string `json:"digest"`        // of the network, its preprocessing and how it is used
	Preprocessing string `json:"preprocessing"` // version of what it sees
}

// Outline is where a nodule was outlined and what was measured of it.
type Outline struct {
	Digest string   `json:"digest"`          // of the outliner
	Found  bool     `json:"found"`           // false: no nodule was recognised at this place
	Codes  []string `json:"codes,omitempty"` // nodule_not_found, coarse_cube_absent, outline_cut

	// SpacingMM is the distance between the voxels of the outline's cube, which
	// has 32 of them along every axis of the patient, and CentreLPS its middle.
	SpacingMM float64    `json:"spacing_mm"`
	CentreLPS [3]float64 `json:"centre_lps_mm"`

	Measurements *measure.Measurements `json:"measurements,omitempty"` // rounded; absent where no nodule was found

	// ComputedBy says on what; it is no part of the result's identity.
	ComputedBy *Machine `json:"computed_by,omitempty"`
}

// String is an outline on one line, in ASCII: diameter, long and short axis,
// volume, mean HU and type, or that there is no nodule.
func (o *Outline) String() string {
	if !o.Found {
		return "no nodule found here"
	}
	parts := []string{"outlined, not measured"}
	if m := o.Measurements; m != nil {
		parts = []string{
			fmt.Sprintf("%.1f +- %.1f mm", m.DiameterMM, m.DiameterUncertaintyMM),
			fmt.Sprintf("%.1f x %.1f mm", m.LongAxisMM, m.ShortAxisMM),
			fmt.Sprintf("%.0f +- %.0f mm3", m.VolumeMM3, m.VolumeUncertaintyMM3),
		}
		if m.MeanHU != nil {
			parts = append(parts, fmt.Sprintf("%.0f HU", *m.MeanHU))
		}
		parts = append(parts, strings.ReplaceAll(string(m.Type), "_", "-"))
	}
	return strings.Join(append(parts, o.Codes...), ", ")
}
