package op_test

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The derivative of sum(x^2) is 2x, as a graph that can be differentiated
// again.
func ExampleGrad() {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float64, 1, gorgonia.WithShape(3), gorgonia.WithName("x"))
	b := op.Builder{}
	cost := b.Do(op.SumTo{Out: tensor.Shape{1}}, b.Unary(op.Square, x))
	if b.Err != nil {
		fmt.Println(b.Err)
		return
	}
	d, err := op.Grad(cost, x)
	if err != nil {
		fmt.Println(err)
		return
	}
	var out gorgonia.Value
	gorgonia.Read(d[0], &out)
	_ = gorgonia.Let(x, tensor.New(tensor.WithBacking([]float64{1, 2, 3})))
	vm := gorgonia.NewTapeMachine(g)
	if err := vm.RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Data())
	// Output: [2 4 6]
}
