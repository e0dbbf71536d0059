package models

import (
	"math"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// searchPlan searches for a number of rows at once. A round of its plan gives
// losses and image at z, and the z of the next step, which it is fed with: on a
// device the whole search is one submission.
type searchPlan struct {
	gan        GAN
	rows       int
	steps      int
	apart      bool          // lambda is 0: the critic has no part in the search, and features are compared after it
	features   *compute.Plan // f(x) and the critic score of x, once per search
	ofPatch    []float32     // what it gave of the patches
	scores     []float32
	ofImage    []float32 // where apart: f(G(z)) after the last step
	plan       *compute.Plan
	x, support []float32 // of the plan's inputs
	z, speed   []float32
}

// Outputs of the plan; the last is there only where the critic has a part in the
// search.
const (
	outResidual = iota
	outImage
	outSpeed
	outNext
	outLoss
	outFeature
)

func (s *Searcher) compile(rows int) (*searchPlan, error) {
	n, set := s.gan, s.settings
	p := &searchPlan{gan: n, rows: rows, steps: set.Steps, apart: set.Lambda == 0}
	shape := n.images(rows)
	g := n.NewGraph(tensor.Float32)
	features, score := n.Critic(g, g.Input("x", shape...))
	if g.Err != nil {
		return nil, g.Err
	}
	var err error
	if p.features, err = compute.Compile(gorgonia.Nodes{features, score}, s.params.Bound(), s.compute); err != nil {
		return nil, err
	}
	g = n.NewGraph(tensor.Float32)
	z := g.Input("z", rows, n.Latent)
	t, speed, next := n.SearchStep(g, g.Input("x", shape...), g.Input("support", shape...), g.Input("features", rows, n.Features()), z, g.Input("speed", rows, n.Latent), set)
	if g.Err != nil {
		return nil, g.Err
	}
	outs, keep := gorgonia.Nodes{t.Residual, t.Image, speed, next}, []int{outResidual}
	if !p.apart {
		outs, keep = append(outs, t.Loss, t.Feature), append(keep, outLoss, outFeature)
	}
	step := compute.Carry{Output: outNext, Input: "z"}
	if set.Clamps(s.prior) {
		step.Low, step.High = -1, 1
	}
	o := s.compute
	o.Loop = &compute.Loop{Rounds: set.Steps + 1, Carry: []compute.Carry{{Output: outSpeed, Input: "speed"}, step}, Keep: keep}
	if p.plan, err = compute.Compile(outs, s.params.Bound(), o); err != nil {
		return nil, err
	}
	p.x, p.support = p.plan.Input("x"), p.plan.Input("support")
	p.z, p.speed = p.plan.Input("z"), p.plan.Input("speed")
	return p, nil
}

// clear leaves nothing of an earlier search.
func (p *searchPlan) clear() {
	for _, b := range [][]float32{p.x, p.support, p.z, p.speed} {
		clear(b)
	}
}

// begin computes what does not change during a search.
func (p *searchPlan) begin() {
	copy(p.features.Input("x"), p.x)
	p.features.Run()
	p.ofPatch, p.scores = append(p.ofPatch[:0], p.features.Output(0)...), append(p.scores[:0], p.features.Output(1)...)
	if !p.apart {
		copy(p.plan.Input("features"), p.ofPatch)
	}
}

// end computes what is told of the last step alone.
func (p *searchPlan) end() {
	if !p.apart {
		return
	}
	x := p.features.Input("x")
	for i, v := range p.plan.Output(outImage) {
		x[i] = v * p.support[i]
	}
	p.features.Run()
	p.ofImage = append(p.ofImage[:0], p.features.Output(0)...)
}

// found reads row r after the last step.
func (p *searchPlan) found(r int) Found {
	v, l := p.gan.Voxels(), p.gan.Latent
	curve := func(k int) []float32 {
		c := make([]float32, p.steps+1)
		for i := range c {
			c[i] = p.plan.Kept(k)[i*p.rows+r]
		}
		return c
	}
	f := Found{
		Z:           append([]float32(nil), p.z[r*l:(r+1)*l]...),
		Image:       append([]float32(nil), p.plan.Output(outImage)[r*v:(r+1)*v]...),
		CriticScore: float64(p.scores[r]),
		Curve:       Curve{Residual: curve(0)},
		Machine:     p.plan.Machine(),
		Best:        math.Inf(1),
	}
	if p.apart {
		f.Curve.Loss = f.Curve.Residual
		w := p.gan.Features()
		for i, v := range p.ofImage[r*w : (r+1)*w] {
			f.Feature += math.Abs(float64(p.ofPatch[r*w+i]) - float64(v))
		}
	} else {
		f.Curve.Loss, f.Curve.Feature = curve(1), curve(2)
		f.Feature = float64(f.Curve.Feature[p.steps])
	}
	f.Residual, f.Loss = float64(f.Curve.Residual[p.steps]), float64(f.Curve.Loss[p.steps])
	var count float64
	for _, c := range p.support[r*v : (r+1)*v] {
		count += float64(c)
	}
	f.PerVoxel = f.Residual / count
	for i, loss := range f.Curve.Loss {
		if float64(loss) < f.Best {
			f.Best, f.BestStep = float64(loss), i
		}
	}
	return f
}
