package scoring

import (
	"context"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// Nodule cuts one nodule of the open series: the cube of 32 mm and the patch of
// its middle, as [Prepared.Score] scores it. Codes: those of nodule.Cutter.Cut, and
// candidate_elsewhere.
func (p *Prepared) Nodule(ctx context.Context, n bus.JobNodule) (*nodule.Cube, nodule.Patch, error) {
	if err := namedBy(n).Belongs(p.series); err != nil {
		return nil, nodule.Patch{}, err
	}
	cube, err := p.cutter.Cut(ctx, candidateOf(n))
	if err != nil {
		return nil, nodule.Patch{}, err
	}
	return cube, nodule.Central(cube), nil
}

func candidateOf(n bus.JobNodule) nodule.Candidate {
	return nodule.Candidate{ID: n.ID, PositionLPS: dicomio.Vec(n.PositionLPS), DiameterMM: n.DiameterMM, Confidence: n.Confidence}
}

func namedBy(n bus.JobNodule) nodule.Named {
	return nodule.Named{StudyUID: n.StudyUID, SeriesUID: n.SeriesUID, FrameOfReferenceUID: n.FrameOfReferenceUID}
}

// Again scores a patch that was scored before; op names it in an error with
// code detector_failed.
func Again(ctx context.Context, op string, d detector.Detector, patch nodule.Patch) (detector.Score, error) {
	scores, err := d.Score(ctx, []nodule.Patch{patch})
	if err != nil || len(scores) != 1 {
		return detector.Score{}, coded.New(CodeDetectorFailed, op, d.Name()+" gave no score for this nodule; its weights may be damaged", err)
	}
	return scores[0], nil
}
