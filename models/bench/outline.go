package bench

import (
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const outlineShare = 0.02 // of the voxels: the first guess of an untrained network

// outlineTrain is a whole training step of the network that outlines
// nodules, Adam included.
func outlineTrain(o compute.Options) (Work, error) {
	const batch = 8
	u := models.ReferenceUNet
	ps := u.NewParams(seeded(), outlineShare)
	g := u.NewGraph(tensor.Float32)
	terms := u.OutlineLoss(g, u.Outline(g, outlineInput(g, "x", batch, 2)), outlineInput(g, "y", batch, 1))
	loss := g.Add(terms.Entropy, terms.Dice)
	if g.Err != nil {
		return Work{}, g.Err
	}
	grads, err := op.Grad(loss, g.Params(ps)...)
	if err != nil {
		return Work{}, err
	}
	p, err := compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(ps), grads, ps.Bound(), compute.AdamDefaults(3e-3), o)
	if err != nil {
		return Work{}, err
	}
	fill(p.Input("x"))
	for i, v := range fill(p.Input("y")) {
		p.Input("y")[i] = 0
		if v < outlineShare {
			p.Input("y")[i] = 1
		}
	}
	return work("outline train b8", p), nil
}

func outlineInput(g *models.Graph, name string, batch, channels int) *gorgonia.Node {
	const edge = models.OutlineEdge
	return g.Input(name, batch, channels, edge, edge, edge)
}
