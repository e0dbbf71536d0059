package models

import (
	"math"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// searchPlan searches for a number of rows at once. A round of its plan gives
// losses and image at z, and what the next round starts from, which it is fed
// with: on a device the whole search is one submission.
type searchPlan struct {
	gan        GAN
	rows       int
	steps      int
	apart      bool          // lambda is 0: the critic has no part in the search, and features are compared after it
	stops      bool          // rows end when it no longer pays
	encode     *compute.Plan // where searches start; nil: where the prior says
	features   *compute.Plan // f(x) and the critic score of x, once per search
	ofPatch    []float32     // what it gave of the patches
	scores     []float32
	ofImage    []float32 // where apart: f(G(z)) of the image that counts
	plan       *compute.Plan
	carry      []SearchCarry
	x, support []float32 // of the plan's inputs
	z          []float32 // where the rows start, and after the search where its last round was
	encoded    []bool    // rows that start where the encoder says
	image      int       // output of the image that counts
	best       int       // output of its z, of a search that stops
}

// Outputs of the plan; the third is there only where the critic has a part in the
// search. Those that are carried follow.
const (
	outResidual = iota
	outImage
	outLoss
	outFeature
)

// What the plan keeps of every round.
const (
	keptResidual = iota
	keptLoss
	keptFeature
)

func (s *Searcher) compile(rows int) (*searchPlan, error) {
	n, set := s.gan, s.settings
	p := &searchPlan{gan: n, rows: rows, steps: set.Steps, apart: set.Lambda == 0, stops: set.Stop > 0, encoded: make([]bool, rows), image: outImage}
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
	if set.Encoder {
		g = n.NewGraph(tensor.Float32)
		z := n.Encode(g, g.Input("x", shape...), s.prior)
		if g.Err != nil {
			return nil, g.Err
		}
		if p.encode, err = compute.Compile(gorgonia.Nodes{z}, s.params.Bound(), s.compute); err != nil {
			return nil, err
		}
	}
	g = n.NewGraph(tensor.Float32)
	t := n.SearchStep(g, g.Input("x", shape...), g.Input("support", shape...), g.Input("features", rows, n.Features()), s.prior, set)
	if g.Err != nil {
		return nil, g.Err
	}
	outs, keep := gorgonia.Nodes{t.Residual, t.Image, t.Loss}, []int{outResidual, outLoss}
	if !p.apart {
		outs, keep = append(outs, t.Feature), append(keep, outFeature)
	}
	loop := &compute.Loop{Rounds: set.Steps + 1}
	for _, c := range t.Carry {
		next := compute.Carry{Output: len(outs), Input: c.Input}
		if c.Clamp {
			next.Low, next.High = -1, 1
		}
		switch c.Input {
		case carryImage:
			p.image = len(outs)
		case carryBest:
			p.best = len(outs)
		case carryAlive:
			keep = append(keep, len(outs))
		}
		outs, loop.Carry = append(outs, c.Next), append(loop.Carry, next)
	}
	loop.Keep = keep
	o := s.compute
	o.Loop = loop
	if p.plan, err = compute.Compile(outs, s.params.Bound(), o); err != nil {
		return nil, err
	}
	p.carry = t.Carry
	p.x, p.support, p.z = p.plan.Input("x"), p.plan.Input("support"), p.plan.Input(carryZ)
	return p, nil
}

// clear leaves nothing of an earlier search.
func (p *searchPlan) clear() {
	clear(p.x)
	clear(p.support)
	clear(p.encoded)
	for _, c := range p.carry {
		in := p.plan.Input(c.Input)
		for i := range in {
			in[i] = c.Start
		}
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
	if p.encode == nil {
		return
	}
	copy(p.encode.Input("x"), p.x)
	p.encode.Run()
	l := p.gan.Latent
	for r, from := range p.encoded {
		if from {
			copy(p.z[r*l:(r+1)*l], p.encode.Output(0)[r*l:])
		}
	}
}

// alive tells of every round and row whether it goes on. Searches that do not
// stop have none of it.
func (p *searchPlan) alive() []float32 {
	if p.apart {
		return p.plan.Kept(keptFeature)
	}
	return p.plan.Kept(keptFeature + 1)
}

// ended tells after so many rounds whether no row goes on. Of a device it knows
// nothing until the end.
func (p *searchPlan) ended(rounds, rows int) bool {
	if !p.stops || p.plan.OnDevice() {
		return false
	}
	for _, v := range p.alive()[(rounds-1)*p.rows:][:rows] {
		if v != 0 {
			return false
		}
	}
	return true
}

// end computes what is told of the image that counts.
func (p *searchPlan) end() {
	if !p.apart {
		return
	}
	x := p.features.Input("x")
	for i, v := range p.plan.Output(p.image) {
		x[i] = v * p.support[i]
	}
	p.features.Run()
	p.ofImage = append(p.ofImage[:0], p.features.Output(0)...)
}

// found reads row r after the search.
func (p *searchPlan) found(r int) Found {
	v, l := p.gan.Voxels(), p.gan.Latent
	rounds, best := p.steps+1, p.z
	if p.stops {
		for rounds = 1; rounds <= p.steps && p.alive()[(rounds-1)*p.rows+r] != 0; rounds++ {
		}
		best = p.plan.Output(p.best)
	}
	curve := func(k int) []float32 {
		c := make([]float32, rounds)
		for i := range c {
			c[i] = p.plan.Kept(k)[i*p.rows+r]
		}
		return c
	}
	f := Found{
		Z:           append([]float32(nil), best[r*l:(r+1)*l]...),
		Image:       append([]float32(nil), p.plan.Output(p.image)[r*v:(r+1)*v]...),
		CriticScore: float64(p.scores[r]),
		Curve:       Curve{Residual: curve(keptResidual), Loss: curve(keptLoss)},
		Machine:     p.plan.Machine(),
		Best:        math.Inf(1),
	}
	for i, loss := range f.Curve.Loss {
		if float64(loss) < f.Best {
			f.Best, f.BestStep = float64(loss), i
		}
	}
	at := rounds - 1
	if p.stops {
		at = f.BestStep
	}
	if p.apart {
		w := p.gan.Features()
		for i, v := range p.ofImage[r*w : (r+1)*w] {
			f.Feature += math.Abs(float64(p.ofPatch[r*w+i]) - float64(v))
		}
	} else {
		f.Curve.Feature = curve(keptFeature)
		f.Feature = float64(f.Curve.Feature[at])
	}
	f.Residual, f.Loss = float64(f.Curve.Residual[at]), float64(f.Curve.Loss[at])
	var count float64
	for _, c := range p.support[r*v : (r+1)*v] {
		count += float64(c)
	}
	f.PerVoxel = f.Residual / count
	return f
}
