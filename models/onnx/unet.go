package onnx

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// outputProbability is the output of an exported UNet: of every voxel to be the
// nodule's, 0..1: [batch, 1, 32, 32, 32]. Its input, inputPatch, is
// [batch, 2, 32, 32, 32]: intensities as Header.Preprocessing makes them, and
// the mark of the candidate, a Gaussian of 3 voxels around the middle, 15.5.
const outputProbability = "probability"

// ExportUNet writes the network that outlines nodules for a batch of 1 to 1024.
func ExportUNet(t *models.TrainedUNet, batch int) ([]byte, error) {
	if batch < 1 || batch > maxBatch {
		return nil, fmt.Errorf("onnx: batch of %d: want 1 to %d", batch, maxBatch)
	}
	u, ps := t.UNet, t.Params
	if err := u.Check(ps); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	o, err := options("unet", t.Header, ps)
	if err != nil {
		return nil, err
	}
	o.Name = "unet"
	g := u.NewGraph(tensor.Float32)
	const edge = models.OutlineEdge
	p := g.Unary(op.Sigmoid, u.Outline(g, g.Input(inputPatch, batch, 2, edge, edge, edge)))
	if g.Err != nil {
		return nil, fmt.Errorf("onnx: %w", g.Err)
	}
	return Export(gorgonia.Nodes{p}, []string{outputProbability}, ps.Bound(), o)
}
