package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Grad returns the derivatives of the sum of cost by each of wrt, as graphs
// that can be differentiated again. An input that cost does not depend on is
// an error. The reverse sweep visits every path, unlike gorgonia.Grad.
func Grad(cost *gorgonia.Node, wrt ...*gorgonia.Node) (gorgonia.Nodes, error) {
	order := Sort(cost)
	needed := make(map[*gorgonia.Node]bool, len(order))
	for _, n := range wrt {
		needed[n] = true
	}
	for _, n := range order { // inputs come first
		for _, in := range Inputs(n) {
			if needed[in] {
				needed[n] = true
			}
		}
	}
	b := Builder{}
	grads := map[*gorgonia.Node]*gorgonia.Node{cost: b.Do(Unary{Fill, 1}, cost)}
	if b.Err != nil {
		return nil, b.Err
	}
	for i := len(order) - 1; i >= 0; i-- {
		n := order[i]
		dy := grads[n]
		o, ok := Of(n)
		if !ok || dy == nil || !needed[n] {
			continue
		}
		in := Inputs(n)
		wanted := make([]bool, len(in))
		for j, m := range in {
			wanted[j] = needed[m]
		}
		ds, err := o.Grad(in, n, dy, wanted)
		if err != nil {
			return nil, fmt.Errorf("op: derivative of %s: %w", o.Name(), err)
		}
		for j, m := range in {
			switch {
			case !wanted[j] || ds[j] == nil:
			case grads[m] == nil:
				grads[m] = ds[j]
			default:
				grads[m] = b.Add(grads[m], ds[j])
			}
		}
		if b.Err != nil {
			return nil, b.Err
		}
	}
	used := make(map[*gorgonia.Node]bool, len(order))
	for _, n := range order {
		used[n] = true
	}
	out := make(gorgonia.Nodes, len(wrt))
	for i, n := range wrt {
		if !used[n] {
			return nil, fmt.Errorf("op: the cost does not depend on %q", n.Name())
		}
		if out[i] = grads[n]; out[i] == nil { // it depends, with a derivative of zero
			out[i] = b.Do(Unary{Fill, 0}, n)
		}
	}
	return out, b.Err
}

// Sort returns the nodes that roots depend on, inputs before what uses them.
func Sort(roots ...*gorgonia.Node) gorgonia.Nodes { return SortBy(Inputs, roots...) }

// SortBy is Sort for another notion of what a node depends on.
func SortBy(inputs func(*gorgonia.Node) gorgonia.Nodes, roots ...*gorgonia.Node) gorgonia.Nodes {
	var order gorgonia.Nodes
	type frame struct {
		n  *gorgonia.Node
		in gorgonia.Nodes
	}
	seen := map[*gorgonia.Node]bool{}
	for _, r := range roots {
		if seen[r] {
			continue
		}
		seen[r] = true
		stack := []frame{{r, inputs(r)}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.in) == 0 {
				order = append(order, top.n)
				stack = stack[:len(stack)-1]
				continue
			}
			next := top.in[0]
			top.in = top.in[1:]
			if !seen[next] {
				seen[next] = true
				stack = append(stack, frame{next, inputs(next)})
			}
		}
	}
	return order
}
