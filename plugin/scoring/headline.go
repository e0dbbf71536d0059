package scoring

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// CodeHeadlineFailed says that an outlined nodule has no headline. It stands in
// headline_error and costs no other score.
const CodeHeadlineFailed coded.Code = "headline_failed"

// shownParts is how many measurements of a headline a result tells.
const shownParts = 8

// headlines gives every outlined nodule its headline. Only a context that ends is
// an error.
func (p *Prepared) headlines(ctx context.Context, nodules []bus.ResultNodule, subjects []subject) error {
	if p.req.Rungs == nil {
		return nil
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range subjects {
		if subjects[i].patch == nil || subjects[i].outline == nil {
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			n := &nodules[i]
			h, err := p.headline(n, &subjects[i])
			if err != nil {
				n.HeadlineError = bus.ProblemOf(coded.New(CodeHeadlineFailed, "score outline", "its outline could not be scored; its other scores do not depend on it", err))
				return nil
			}
			if n.Headline = h; len(h.Outside) > 0 {
				n.Applicability = append(n.Applicability, ApplyOutsideTraining)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("score series: %w", err)
	}
	return nil
}

// headline of one nodule. A panic is an error.
func (p *Prepared) headline(n *bus.ResultNodule, s *subject) (h *bus.Headline, err error) {
	defer func() {
		if v := recover(); v != nil {
			h, err = nil, fmt.Errorf("panic: %v", v)
		}
	}()
	f := s.outline
	v, err := features.Extract(f.Cube, f.Outline, f.SpacingMM)
	if err != nil {
		return nil, err
	}
	answer, err := p.req.Rungs.Score(v, n.DiameterMM)
	if err != nil {
		return nil, err
	}
	best := &answer.Headline
	h = &bus.Headline{RungScore: rungScore(best), Outside: best.Outside, Parts: []bus.Part{}, Others: []bus.RungScore{}}
	for _, part := range best.Parts[:min(shownParts, len(best.Parts))] {
		value, typical, unit := part.Natural()
		h.Parts = append(h.Parts, bus.Part{Feature: part.Feature, About: part.About(), Unit: unit, Value: value, Typical: typical, Adds: part.Adds})
	}
	for i := range answer.All {
		if s := &answer.All[i]; s.Rung != best.Rung && s.Diameter == best.Diameter {
			h.Others = append(h.Others, rungScore(s))
		}
	}
	return h, nil
}

func rungScore(s *rungs.Score) bus.RungScore {
	return bus.RungScore{
		Rung: string(s.Rung), Diameter: s.Diameter, Raw: s.Raw, Probability: s.Probability, Low: s.Low, High: s.High,
		Percentile: s.Percentile, Flagged: s.Flagged,
	}
}

// DescribeRungs are the rungs as a result and /version name them; nil where there
// are none.
func DescribeRungs(r *rungs.Rungs) *bus.Rungs {
	if r == nil {
		return nil
	}
	out := &bus.Rungs{Digest: r.Digest(), Rungs: []bus.Rung{}}
	for i := range r.Rungs {
		g := &r.Rungs[i]
		c := &g.Calibration
		out.Rungs = append(out.Rungs, bus.Rung{
			Rung: string(g.Name), Diameter: g.Diameter, Prevalence: c.Prevalence, Threshold: c.Threshold,
			Sensitivity: share(c.AtThreshold.Sensitivity), Specificity: share(c.AtThreshold.Specificity),
		})
	}
	return out
}

func share(p stats.Proportion) bus.Share {
	return bus.Share{Value: p.Value, Low: p.Low, High: p.High, Count: p.Count, Of: p.Of}
}
