package models

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// placed is a plan that knows where it runs.
type placed interface {
	comparable
	onDevice() bool
}

func (p *searchPlan) onDevice() bool {
	return p.plan.OnDevice() && p.features.OnDevice() && (p.encode == nil || p.encode.OnDevice())
}

func (p *wholePlan) onDevice() bool { return p.plan.OnDevice() }

// fitting compiles a plan of a number of rows, or of half as many where those
// do not fit into the memory of the back end's device, and so on. Where not
// even one row fits, the plan of all rows runs on the processor.
func fitting[P placed](rows int, b compute.Backend, compile func(rows int) (P, error)) (P, error) {
	all, err := compile(rows)
	if err != nil || b == nil || all.onDevice() {
		return all, err
	}
	for rows /= 2; rows > 0 && b.Alive(); rows /= 2 {
		if p, err := compile(rows); err == nil && p.onDevice() {
			return p, nil
		}
	}
	return all, nil
}

// wholePlan scores a number of patches in one submission: encoder, draws,
// decoder, and the sums over voxels and samples.
type wholePlan struct {
	rows int
	plan *compute.Plan
}

// Outputs of a wholePlan.
const (
	wholeMean = iota
	wholeLogVar
	wholeRecon // [rows*samples]: of every sample
	wholeImage // [rows, voxels]: mean over the samples
)

func (s *Scorer) compileWhole(rows int) (*wholePlan, error) {
	v, l := s.vae, s.samples
	voxels := v.Voxels()
	g := v.NewGraph(tensor.Float32)
	x := g.Input("x", v.shape(size, rows, 1)...)
	mean, logvar := v.Encode(g, x)
	each := func(n *gorgonia.Node, width int) *gorgonia.Node { // a row per sample
		return g.Do(op.Expand{Out: tensor.Shape{rows, l, width}}, g.Reshape(n, rows, 1, width))
	}
	noise := g.Mul(g.Input("eps", rows, l, v.Latent), each(g.Unary(op.Exp, g.Scale(logvar, 0.5)), v.Latent))
	z := g.Reshape(g.Add(each(mean, v.Latent), noise), rows*l, v.Latent)
	images := g.Reshape(v.Decode(g, z), rows, l, voxels)
	misfit := g.Mul(each(g.Input("support", rows, voxels), voxels), g.Unary(op.Square, g.Sub(images, each(x, voxels))))
	recon := g.Do(op.SumTo{Out: tensor.Shape{rows, l, 1}}, misfit)
	image := g.Scale(g.Do(op.SumTo{Out: tensor.Shape{rows, 1, voxels}}, images), 1/float64(l))
	if g.Err != nil {
		return nil, g.Err
	}
	p, err := compute.Compile(gorgonia.Nodes{mean, logvar, recon, image}, s.params.Bound(), s.compute)
	if err != nil {
		return nil, err
	}
	return &wholePlan{rows, p}, nil
}

// wholeRows are the sizes of the plans on a device: one patch, what a series
// has, and as many as keep a card busy.
var wholeRows = [...]int{1, 4, 16}

// whole returns the plan for a number of patches, or nil where the processor
// scores.
func (s *Scorer) whole(patches int) (*wholePlan, error) {
	b := card(s.compute)
	if b == nil || !b.Alive() {
		return nil, nil //nolint:nilnil // none is no error
	}
	i := 0
	for i < len(wholeRows)-1 && wholeRows[i] < patches {
		i++
	}
	if s.wholes[i] == nil {
		p, err := fitting(wholeRows[i], b, s.compileWhole)
		if err != nil {
			return nil, fmt.Errorf("models: score on the device: %w", err)
		}
		s.wholes[i] = p
	}
	if !s.wholes[i].onDevice() {
		return nil, nil //nolint:nilnil // as above
	}
	return s.wholes[i], nil
}

// OnDevice tells whether a number of patches would be scored on the device of
// the back end.
func (s *Scorer) OnDevice(patches int) bool {
	p, err := s.whole(patches)
	return err == nil && p != nil
}

// Together is how many of a number of patches one run scores: 1 on the
// processor, which one patch keeps busy.
func (s *Scorer) Together(patches int) int {
	p, err := s.whole(patches)
	if err != nil || p == nil {
		return 1
	}
	return p.rows
}

// scoreWhole is score on the device.
func (s *Scorer) scoreWhole(p *wholePlan, patches, supports [][]float32, seeds [][32]byte) []PatchBound {
	v, l := s.vae.Voxels(), s.vae.Latent
	x, support, eps := p.plan.Input("x"), p.plan.Input("support"), p.plan.Input("eps")
	for r, patch := range patches {
		copy(x[r*v:(r+1)*v], patch)
		copy(support[r*v:(r+1)*v], supports[r])
		Noise(eps[r*s.samples*l:(r+1)*s.samples*l], seeds[r])
	}
	p.plan.Run()
	out := make([]PatchBound, len(patches))
	for r := range out {
		b := &out[r]
		b.Machine = p.plan.Machine()
		b.Posterior = append(b.Posterior, p.plan.Output(wholeMean)[r*l:(r+1)*l]...)
		b.LogVar = append(b.LogVar, p.plan.Output(wholeLogVar)[r*l:(r+1)*l]...)
		b.Mean = append(b.Mean, p.plan.Output(wholeImage)[r*v:(r+1)*v]...)
		for _, m := range p.plan.Output(wholeRecon)[r*s.samples : (r+1)*s.samples] {
			b.Recon += float64(m)
		}
		b.Recon /= float64(s.samples)
		s.finish(b, supports[r])
	}
	return out
}
