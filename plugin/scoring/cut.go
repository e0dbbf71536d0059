package scoring

import (
	"context"
	"errors"
	"fmt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
)

// cut makes the nodules of the result and the patch of each; none where the
// nodule has an error. Where nodules are outlined it keeps their cubes.
func (p *Prepared) cut(ctx context.Context) ([]bus.ResultNodule, []subject, []*nodule.Cube, error) {
	job := p.req.Job
	cubes := make([]nodule.CutResult, len(job.Nodules))
	var candidates []nodule.Candidate
	var from []int // which of the job's
	for i, n := range job.Nodules {
		cubes[i] = nodule.CutResult{Candidate: candidateOf(n), Err: namedBy(n).Belongs(p.series)}
		if cubes[i].Err == nil {
			candidates, from = append(candidates, cubes[i].Candidate), append(from, i)
		}
	}
	p.req.report("cut", 0, len(cubes))
	own, err := p.cutter.CutAll(ctx, candidates)
	for k, c := range own {
		cubes[from[k]] = c
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("score series: %w", err)
	}
	for _, c := range cubes { // a PACS that went away, or files that are being written, are no fault of a nodule
		if dicomio.OfArchive(dicomio.CodeOf(c.Err)) || errors.Is(c.Err, dicomio.ErrChanged) {
			return nil, nil, nil, fmt.Errorf("score series: %w", c.Err)
		}
	}
	low, high := diameters(p.req.Detectors)
	nodules := make([]bus.ResultNodule, len(cubes))
	subjects := make([]subject, len(cubes))
	kept := make([]*nodule.Cube, len(cubes))
	for i, c := range cubes {
		nodules[i] = bus.ResultNodule{JobNodule: job.Nodules[i], PaddingPct: c.PaddingPct}
		if nodule.CodeOf(c.Err) != nodule.CodeCandidateElsewhere {
			nodules[i].Applicability = applicability(p.series, c, low, high)
		}
		err := c.Err
		if err == nil {
			patch := nodule.Central(c.Cube)
			subjects[i].patch, err = &patch, patch.CheckSupport()
		}
		if err != nil {
			subjects[i].patch, nodules[i].Error = nil, bus.ProblemOf(err)
		} else if p.req.Outliner != nil {
			kept[i] = c.Cube
		}
		if err == nil && p.pictures != nil {
			p.pictures.Nodule(i+1, c.Cube, *subjects[i].patch)
		}
		cubes[i].Cube = nil // let go of it before the next patch is made
	}
	p.req.report("cut", len(cubes), len(cubes))
	return nodules, subjects, kept, nil
}
