package scoring

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// CodeOutlineFailed says that a nodule was not outlined, or not measured. It
// stands in outline_error and costs no score.
const CodeOutlineFailed coded.Code = "outline_failed"

const (
	outlineBatch = 64  // nodules that are outlined together, in one pass through the slices per size of cube
	otherSize    = 1.5 // factor between the diameter that was given and that of the outline, see ApplyDiameterDiffers
)

// subject is what a nodule is scored by.
type subject struct {
	patch   *nodule.Patch    // nil where the nodule has an error
	outline *outline.Finding // nil where it was not outlined
}

// outline adds to the nodules of a result how they are outlined, and takes the
// patch from one that is none: it gets no score. cubes are those around the
// candidates. Only a context that ends, or a PACS that does not answer, is an
// error.
func (p *Prepared) outline(ctx context.Context, nodules []bus.ResultNodule, subjects []subject, cubes []*nodule.Cube) error {
	if p.req.Outliner == nil {
		return nil
	}
	var todo []int
	for i := range subjects {
		if subjects[i].patch != nil {
			todo = append(todo, i)
		}
	}
	total := len(todo)
	p.req.report("outline", 0, total)
	for len(todo) > 0 {
		batch := todo[:min(outlineBatch, len(todo))]
		todo = todo[len(batch):]
		findings, errs, err := p.findEach(ctx, nodules, cubes, batch)
		if err != nil {
			return fmt.Errorf("score series: %w", err)
		}
		for k, i := range batch {
			if errs[k] != nil {
				nodules[i].OutlineError = bus.ProblemOf(errs[k])
				continue
			}
			subjects[i].outline = &findings[k]
			p.tell(&nodules[i], &subjects[i])
			if s := subjects[i]; p.pictures != nil && s.outline != nil && s.outline.Found() {
				p.pictures.Outline(i+1, s.outline.Outline.Mask)
			}
		}
		p.req.report("outline", total-len(todo), total)
	}
	return nil
}

// findEach outlines a batch of nodules together, and one by one where that
// fails, so that only the one that is to blame has an error.
func (p *Prepared) findEach(ctx context.Context, nodules []bus.ResultNodule, cubes []*nodule.Cube, batch []int) (findings []outline.Finding, errs []error, err error) {
	find := func(list []int) ([]outline.Finding, error) {
		candidates, own := make([]nodule.Candidate, len(list)), make([]*nodule.Cube, len(list))
		for k, i := range list {
			candidates[k], own[k] = candidateOf(nodules[i].JobNodule), cubes[i]
		}
		return p.find(ctx, candidates, own)
	}
	errs = make([]error, len(batch))
	if findings, err = find(batch); err == nil || ended(ctx, err) {
		return findings, errs, err
	}
	findings = make([]outline.Finding, len(batch))
	for k := range batch {
		one, err := find(batch[k : k+1])
		if ended(ctx, err) {
			return nil, nil, err
		}
		if errs[k] = err; err == nil {
			findings[k] = one[0]
		}
	}
	return findings, errs, nil
}

// ended says whether an error ends the request: it is no fault of a nodule.
func ended(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || dicomio.OfArchive(dicomio.CodeOf(err)))
}

// find outlines candidates whose cubes may be at hand. A panic is an error: an
// outline that fails costs no score.
func (p *Prepared) find(ctx context.Context, candidates []nodule.Candidate, cubes []*nodule.Cube) (findings []outline.Finding, err error) {
	const op, hint = "outline nodule", "no outline could be made of this nodule; its scores do not depend on it"
	defer func() {
		if v := recover(); v != nil {
			findings, err = nil, coded.New(CodeOutlineFailed, op, hint, fmt.Errorf("panic: %v", v))
		}
	}()
	findings, err = p.req.Outliner.Find(ctx, len(candidates), p.places(candidates, cubes))
	if err != nil && !ended(ctx, err) {
		err = coded.New(CodeOutlineFailed, op, hint, err)
	}
	return findings, err
}

// places cuts the cubes that outlines need: those of one size in one pass. What
// they lack may be more than a score allows.
func (p *Prepared) places(candidates []nodule.Candidate, cubes []*nodule.Cube) outline.Cutter {
	return func(ctx context.Context, places []outline.Place) ([]outline.Cut, error) {
		cuts := make([]outline.Cut, len(places))
		bySize := map[float64][]int{}
		for k, at := range places {
			if at.SpacingMM == 1 && at.ShiftMM == [3]float64{} && cubes[at.Candidate] != nil {
				cuts[k].Cube = cubes[at.Candidate]
				continue
			}
			bySize[at.SpacingMM] = append(bySize[at.SpacingMM], k)
		}
		for spacing, list := range bySize {
			cutter, err := nodule.NewCutter(p.series.Geometry, p.slices, nodule.CutOptions{MaxPaddingPct: 100, SpacingMM: spacing})
			if err != nil {
				return nil, err
			}
			moved := make([]nodule.Candidate, len(list))
			for n, k := range list {
				moved[n] = candidates[places[k].Candidate]
				moved[n].PositionLPS = shifted(moved[n].PositionLPS, places[k].ShiftMM)
			}
			results, err := cutter.CutAll(ctx, moved)
			if err != nil {
				return nil, err
			}
			for n, k := range list {
				if dicomio.OfArchive(dicomio.CodeOf(results[n].Err)) {
					return nil, results[n].Err
				}
				cuts[k] = outline.Cut{Cube: results[n].Cube, Err: results[n].Err}
			}
		}
		return cuts, nil
	}
}

// shifted is a position in LPS mm after a shift z, y, x.
func shifted(p dicomio.Vec, zyx [3]float64) dicomio.Vec {
	return dicomio.Vec{p[0] + zyx[2], p[1] + zyx[1], p[2] + zyx[0]}
}

// tell adds an outline to its nodule, and measures it.
func (p *Prepared) tell(n *bus.ResultNodule, s *subject) {
	f := s.outline
	if f.Err != nil {
		n.OutlineError, s.outline = bus.ProblemOf(f.Err), nil
		return
	}
	o := &bus.Outline{
		Digest: p.req.Outliner.Digest(), Found: f.Found(), SpacingMM: f.SpacingMM,
		CentreLPS: [3]float64(shifted(dicomio.Vec(n.PositionLPS), f.ShiftMM)), ComputedBy: machineOf(f.Outline.Machine),
	}
	n.Outline = o
	for _, code := range f.Codes {
		o.Codes = append(o.Codes, string(code))
	}
	if !o.Found {
		s.patch = nil
		n.Error = bus.ProblemOf(coded.New(outline.CodeNotFound, "outline nodule", "no nodule was recognised at this place, so it has no score", nil))
		return
	}
	if err := p.cutter.CheckOutline(dicomio.Vec(o.CentreLPS), f.SpacingMM, f.Outline.Mask); err != nil {
		s.patch = nil // nor is what is there measured: it may be a part
		n.Error = bus.ProblemOf(err)
		return
	}
	m, err := f.Measure()
	if err == nil {
		m = m.Rounded()
		_, err = json.Marshal(m) // a number that is none cannot travel
	}
	if err != nil {
		n.OutlineError = bus.ProblemOf(coded.New(CodeOutlineFailed, "measure nodule", "its outline cannot be measured; its scores do not depend on it", err))
		return
	}
	o.Measurements = &m
	if d := n.DiameterMM; d > 0 && m.DiameterMM > 0 && math.Max(d/m.DiameterMM, m.DiameterMM/d) > otherSize {
		n.Applicability = append(n.Applicability, ApplyDiameterDiffers)
	}
}

// Outlines outlines nodules of the open series once more, as [Prepared.Score]
// has; nil where the request has no outliner. A finding whose cube could not be
// cut says why.
func (p *Prepared) Outlines(ctx context.Context, nodules ...bus.JobNodule) ([]outline.Finding, error) {
	if p.req.Outliner == nil {
		return nil, nil
	}
	candidates := make([]nodule.Candidate, len(nodules))
	for i, n := range nodules {
		candidates[i] = candidateOf(n)
	}
	return p.find(ctx, candidates, make([]*nodule.Cube, len(nodules)))
}
