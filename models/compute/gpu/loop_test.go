package gpu

import (
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// descent is gradient descent in z on |z*w - x|, clamped.
func descent(t *testing.T, rounds int) (gorgonia.Nodes, *compute.Loop) {
	t.Helper()
	g := gorgonia.NewGraph()
	leaf := func(name string) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(3, 40), gorgonia.WithName(name))
	}
	b := op.Builder{}
	z, x := leaf("z"), leaf("x")
	loss := b.SumRows(b.Unary(op.Square, b.Sub(b.Mul(z, leaf("w")), x)))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	slope, err := op.Grad(loss, z)
	if err != nil {
		t.Fatal(err)
	}
	next := b.Sub(z, b.Scale(slope[0], 0.05))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	return gorgonia.Nodes{loss, next}, &compute.Loop{Rounds: rounds, Carry: []compute.Carry{{Output: 1, Input: "z", Low: -0.5, High: 0.5}}, Keep: []int{0}}
}
