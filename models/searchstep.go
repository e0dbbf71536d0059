package models

import (
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// SearchCarry is what a step of a search hands to the next: an output that is
// the input of that name, 0 at the start unless Start says otherwise.
type SearchCarry struct {
	Input string
	Next  *gorgonia.Node
	Start float32
	Clamp bool // cut to [-1, 1], the support of the prior
}

// SearchStep is a step of a search: the losses at z, and what goes to the next.
type SearchStep struct {
	SearchTerms
	Carry []SearchCarry
}

// Names of what a step takes from the one before it: z and speed [N,Latent]
// always; square [N,Latent], weight1 and weight2 [N,1] for Adam; and lowest,
// since and alive [N,1], best_z [N,Latent] and best_image [N,1,...] where the
// search stops.
const (
	carryZ       = "z"
	carrySpeed   = "speed"
	carrySquare  = "square"
	carryWeight1 = "weight1"
	carryWeight2 = "weight2"
	carryLowest  = "lowest"
	carrySince   = "since"
	carryAlive   = "alive"
	carryBest    = "best_z"
	carryImage   = "best_image"
)

const (
	adamSquare  = 0.9  // decay of the squares in a search of few steps
	adamEpsilon = 1e-8 // added to their root
	noLoss      = 1e30 // above any loss
	patience    = 2    // steps that do not pay, one after the other, before a search stops
)

// SearchStep is SearchTerms and one step of descent in z from the inputs that
// SearchCarry names. s are settings in use (SearchSettings.InUse).
//
// Momentum: speed' = momentum*speed - rate*dLoss/dz, z' = z + speed'. Adam
// (Kingma and Ba 2015): z' = z - rate*m/(sqrt(v) + 1e-8), where m and v are
// averages of the slope and its square that decay by momentum and 0.9, each
// divided by its weight.
//
// Where s.Stop is above 0, a search keeps the z with the lowest loss so far and
// its image. A step pays if it lowers that loss by more than its share s.Stop;
// after two that do not, alive is 0 for this row and nothing of it changes any
// more but z.
func (n GAN) SearchStep(g *Graph, x, support, features *gorgonia.Node, prior string, s SearchSettings) SearchStep {
	rows := x.Shape()[0]
	z, speed := g.Input(carryZ, rows, n.Latent), g.Input(carrySpeed, rows, n.Latent)
	t := SearchStep{SearchTerms: n.SearchTerms(g, x, support, features, z, s.Lambda)}
	if g.Err != nil {
		return t
	}
	slopes, err := op.Grad(t.Loss, z)
	if err != nil {
		g.Err = err
		return t
	}
	slope := slopes[0]
	var next *gorgonia.Node
	if s.Optimiser == AdamSearch {
		next = t.adam(g, z, speed, slope, s)
	} else {
		faster := g.Sub(g.Scale(speed, s.Momentum), g.Scale(slope, s.Rate))
		t.carry(carrySpeed, faster)
		next = g.Add(z, faster)
	}
	t.Carry = append(t.Carry, SearchCarry{Input: carryZ, Next: next, Clamp: s.Clamps(prior)})
	if s.Stop > 0 {
		n.keepBest(g, &t, z, s.Stop)
	}
	return t
}

func (t *SearchStep) carry(input string, next *gorgonia.Node) {
	t.Carry = append(t.Carry, SearchCarry{Input: input, Next: next})
}

// adam is z after a step of Adam.
func (t *SearchStep) adam(g *Graph, z, speed, slope *gorgonia.Node, s SearchSettings) *gorgonia.Node {
	rows, wide := z.Shape()[0], op.Expand{Out: z.Shape()}
	decay := func(input string, old, now *gorgonia.Node, keep float64) *gorgonia.Node {
		next := g.Add(g.Scale(old, keep), g.Scale(now, 1-keep))
		t.carry(input, next)
		return next
	}
	weight := func(input string, keep float64) *gorgonia.Node { // of an average that began at 0
		old := g.Input(input, rows, 1)
		next := g.Shift(g.Scale(old, keep), 1-keep)
		t.carry(input, next)
		return g.Do(wide, g.Unary(op.Recip, next))
	}
	m := decay(carrySpeed, speed, slope, s.Momentum)
	v := decay(carrySquare, g.Input(carrySquare, z.Shape()...), g.Unary(op.Square, slope), adamSquare)
	m, v = g.Mul(m, weight(carryWeight1, s.Momentum)), g.Mul(v, weight(carryWeight2, adamSquare))
	by := g.Mul(m, g.Unary(op.Recip, g.Shift(g.Unary(op.Sqrt, v), adamEpsilon)))
	return g.Sub(z, g.Scale(by, s.Rate))
}

// keepBest adds what a search that stops carries on.
func (n GAN) keepBest(g *Graph, t *SearchStep, z *gorgonia.Node, share float64) {
	rows := z.Shape()[0]
	gate := func(x *gorgonia.Node) *gorgonia.Node { return g.Do(op.Unary{F: op.LeakyGate}, x) }
	not := func(x *gorgonia.Node) *gorgonia.Node { return g.Shift(g.Scale(x, -1), 1) }
	// choose is a where of [N,1] is 1, else b: exactly.
	choose := func(of, a, b *gorgonia.Node) *gorgonia.Node {
		if len(a.Shape()) > 2 || a.Shape()[1] > 1 {
			one := make([]int, len(a.Shape()))
			for i := range one {
				one[i] = 1
			}
			one[0] = rows
			wide := op.Expand{Out: a.Shape()}
			return g.Add(g.Mul(g.Do(wide, g.Reshape(of, one...)), a), g.Mul(g.Do(wide, g.Reshape(not(of), one...)), b))
		}
		return g.Add(g.Mul(of, a), g.Mul(not(of), b))
	}
	loss := g.Reshape(t.Loss, rows, 1)
	lowest, since, alive := g.Input(carryLowest, rows, 1), g.Input(carrySince, rows, 1), g.Input(carryAlive, rows, 1)
	lower := g.Mul(alive, gate(g.Sub(lowest, loss)))
	pays := gate(g.Sub(g.Scale(lowest, 1-share), loss))
	waits := g.Mul(not(pays), g.Shift(since, 1))
	t.Carry = append(t.Carry, SearchCarry{Input: carryLowest, Next: choose(lower, loss, lowest), Start: noLoss})
	t.carry(carrySince, waits)
	t.Carry = append(t.Carry, SearchCarry{Input: carryAlive, Next: g.Mul(alive, gate(g.Shift(g.Scale(waits, -1), patience-0.5))), Start: 1})
	t.carry(carryBest, choose(lower, z, g.Input(carryBest, rows, n.Latent)))
	t.carry(carryImage, choose(lower, t.Image, g.Input(carryImage, t.Image.Shape()...)))
}
