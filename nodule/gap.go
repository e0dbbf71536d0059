package nodule

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
)

// checkGap refuses a candidate with CodeGapInNodule where a run of missing slices
// reaches into the nodule: into the sphere of its diameter, or into the core of a
// patch, of which a network would see a part filled with air.
func (c *Cutter) checkGap(cand Candidate) error {
	g := &c.grid.geo
	if len(g.Missing) == 0 {
		return nil
	}
	core := coreHalfHeight*math.Abs(g.Normal[2]) + coreRadius*math.Hypot(g.Normal[0], g.Normal[1])
	radius := max(cand.DiameterMM/2, core)
	along := g.Line.Dot(g.Normal) // of the normal, per mm of the line
	at := c.grid.affine(cand.PositionLPS)[0] * along
	for _, gap := range g.Missing {
		if gap.After < 0 || gap.After+1 >= len(g.Offsets) {
			continue
		}
		from, to := g.Offsets[gap.After]*along, g.Offsets[gap.After+1]*along
		if at+radius > from+snap && at-radius < to-snap {
			return &Error{Code: CodeGapInNodule, Op: "cut cube", Hint: fmt.Sprintf(
				"%s missing within %.1f mm of the candidate's centre, where its nodule is; send the missing images",
				slicesAre(gap), radius)}
		}
	}
	return nil
}

func slicesAre(gap dicomio.Gap) string {
	if gap.Count == 1 {
		return "1 slice is"
	}
	return fmt.Sprintf("%d slices are", gap.Count)
}
