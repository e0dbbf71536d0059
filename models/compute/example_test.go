package compute_test

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A graph is compiled once for its shapes. Leaves that are bound use the
// caller's slices, the others are inputs.
func ExampleCompile() {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(1, 2), gorgonia.WithName("x"))
	w := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("w"))
	b := op.Builder{}
	y := b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, b.Do(op.MatMul{}, x, w))
	if b.Err != nil {
		fmt.Println(b.Err)
		return
	}
	weights := map[string][]float32{"w": {1, 2, 3, -4, -5, -6}}
	plan, err := compute.Compile(gorgonia.Nodes{y}, weights, compute.Options{Backends: cpu.List()})
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(plan.Input("x"), []float32{10, 2})
	plan.Run()
	fmt.Println(plan.Inputs(), plan.Output(0))
	// Output: [x] [2 10 18]
}
