package models

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
)

// momentBatches is how many batches the population statistics are estimated
// over.
const momentBatches = 64

// momentsPlan returns mean and variance of every normalised layer of a graph
// over one batch.
func momentsPlan(g *Graph, layers []spec, ps Params, o compute.Options) (*compute.Plan, error) {
	var outs gorgonia.Nodes
	for _, l := range layers {
		uses := g.normed[l.name]
		if g.Err == nil && len(uses) != 1 {
			return nil, fmt.Errorf("models: layer %s is normalised %d times", l.name, len(uses))
		}
		if g.Err == nil {
			mean, variance := g.moments(uses[0])
			outs = append(outs, mean, variance)
		}
	}
	if g.Err != nil {
		return nil, g.Err
	}
	return compute.Compile(outs, ps.Bound(), o)
}

// moments add up what a momentsPlan gives: population statistics are the mean of
// the batches' means, and the mean of their second moments less the square of
// it.
type moments struct {
	layers         []spec
	means, squares [][]float64
}

func newMoments(layers []spec) *moments {
	m := &moments{layers: layers}
	for _, l := range layers {
		m.means = append(m.means, make([]float64, l.shape[0]))
		m.squares = append(m.squares, make([]float64, l.shape[0]))
	}
	return m
}

// add takes one of momentBatches batches.
func (m *moments) add(plan *compute.Plan) {
	for i := range m.layers {
		means, variances := plan.Output(2*i), plan.Output(2*i+1)
		for c := range means {
			mean := float64(means[c])
			m.means[i][c] += mean / momentBatches
			m.squares[i][c] += (float64(variances[c]) + mean*mean) / momentBatches
		}
	}
}

// statistics are those of statisticsSpecs.
func (m *moments) statistics() Params {
	var ps Params
	for i, l := range m.layers {
		mean, variance := make([]float32, l.shape[0]), make([]float32, l.shape[0])
		for c, v := range m.means[i] {
			mean[c], variance[c] = float32(v), float32(max(m.squares[i][c]-v*v, 0))
		}
		ps = append(ps, Param{l.name + meanSuffix, l.shape, mean}, Param{l.name + varianceSuffix, l.shape, variance})
	}
	return ps
}
