package models

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CriticFeatures returns what the critic of a trained GAN sees in patches: its
// flattened last convolution, the features of equation 15, [patches][Features].
// Voxels without support are 0, as in training. The statistics of batch
// normalisation are folded, so that a patch has the same features beside
// whatever others.
func CriticFeatures(t *TrainedGAN, patches, supports [][]float32, o compute.Options) ([][]float32, error) {
	const batch = 32
	n, _, critic, err := t.GAN.Fold(t.Generator, t.Critic, t.Statistics)
	if err != nil {
		return nil, err
	}
	if len(patches) != len(supports) {
		return nil, fmt.Errorf("models: %d patches and %d supports", len(patches), len(supports))
	}
	g := n.NewGraph(tensor.Float32)
	features, _ := n.Critic(g, g.Input("x", n.images(batch)...))
	if g.Err != nil {
		return nil, g.Err
	}
	p, err := compute.Compile(gorgonia.Nodes{features}, critic.Bound(), listed(o))
	if err != nil {
		return nil, err
	}
	v, f, x := n.Voxels(), n.Features(), p.Input("x")
	out := make([][]float32, len(patches))
	for lo := 0; lo < len(patches); lo += batch {
		hi := min(lo+batch, len(patches))
		clear(x)
		for i := lo; i < hi; i++ {
			if len(patches[i]) != v || len(supports[i]) != v {
				return nil, fmt.Errorf("models: patch %d has %d voxels and a support of %d, want %d", i, len(patches[i]), len(supports[i]), v)
			}
			for j, c := range supports[i] {
				x[(i-lo)*v+j] = patches[i][j] * c
			}
		}
		p.Run()
		for i := lo; i < hi; i++ {
			out[i] = append([]float32(nil), p.Output(0)[(i-lo)*f:(i-lo+1)*f]...)
		}
	}
	return out, nil
}
