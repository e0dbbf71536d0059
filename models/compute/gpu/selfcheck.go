package gpu

import (
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// selfCheck runs every kind of kernel on the device and compares with the plain
// operators: a driver or card that computes something else is not used.
func (b *Backend) selfCheck() error {
	rng := rand.New(rand.NewPCG(1, 1))
	bound := map[string][]float32{}
	build := op.Builder{}
	g := gorgonia.NewGraph()
	leaf := func(name string, shape ...int) *gorgonia.Node {
		bound[name] = make([]float32, tensor.Shape(shape).TotalSize())
		for i := range bound[name] {
			bound[name][i] = rng.Float32() - 0.4
		}
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	leaky := func(x *gorgonia.Node) *gorgonia.Node { return build.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, x) }
	x, w := leaf("x", 3, 2, 9, 9, 9), leaf("w1", 33, 2, 3, 3, 3)
	h := leaky(build.AddChannel(build.Do(op.Conv{Stride: 2, Pad: 1}, x, w), leaf("b1", 33)))
	h = build.Reshape(h, 3, 33*125)
	h = build.Scale(build.AddChannel(build.Do(op.MatMul{}, h, leaf("m", 33*125, 16)), leaf("b2", 16)), 0.02)
	h = build.Reshape(h, 3, 2, 2, 2, 2)
	h = leaky(build.Do(op.Conv{Stride: 1, Pad: 1}, build.Do(op.Upsample{Out: []int{3, 4, 3}}, h), leaf("w2", 20, 2, 3, 3, 3)))
	h = build.AddChannel(build.Do(op.Conv{Stride: 1, Pad: 1}, build.Do(op.Upsample{Out: []int{5, 7, 6}}, h), leaf("w3", 1, 20, 3, 3, 3)), leaf("b3", 1))
	h = build.Unary(op.Sigmoid, h)
	cost := build.Mean(build.SumRows(build.Unary(op.Softplus, h)))
	if build.Err != nil {
		return build.Err
	}
	grads, err := op.Grad(cost, x, w)
	if err != nil {
		return err
	}
	outs := append(gorgonia.Nodes{h, cost}, grads...)
	program, err := compute.Lower(outs, bound, compute.Options{})
	if err != nil {
		return err
	}
	there, err := b.Build(program)
	if err != nil {
		return fmt.Errorf("gpu: self-check of %s: %w", b.device.ID(), err)
	}
	defer there.Release()
	want := op.Evaluate(bound, outs...)
	for range 2 {
		if err := there.Run(); err != nil {
			return fmt.Errorf("gpu: self-check: %w", err)
		}
	}
	for i := range outs {
		if !agree(there.Output(i), want[i], b.o.Precision) {
			return fmt.Errorf("gpu: %s (%s, driver %s) does not compute what the plain operators do: output %d of the self-check differs", b.device.ID(), b.device.Name, b.device.Driver, i)
		}
	}
	return nil
}

// agree bounds the sum of squared differences by that of rounding, which a few
// layers and their derivatives add up.
func agree(got []float32, want []float64, p Precision) bool {
	var d, s float64
	for i, w := range want {
		e := float64(got[i]) - w
		d, s = d+e*e, s+w*w
	}
	bound := max(1e-4, 8*p.Error())
	return d <= bound*bound*s
}
