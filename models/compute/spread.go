package compute

import "gorgonia.org/tensor"

// Spread relates a small tensor to the large one that it expands to: Dims are
// the axes of the large one, neighbours of one kind merged, and Steps those of
// the small one, 0 where it repeats.
type Spread struct{ Dims, Steps []int }

func spreadOf(small, large tensor.Shape) Spread {
	var s Spread
	var kept []bool // whether a merged axis is also one of the small tensor
	for i, n := range large {
		if n == 1 {
			continue
		}
		k := small[i] == n
		if last := len(s.Dims) - 1; last >= 0 && kept[last] == k {
			s.Dims[last] *= n
			continue
		}
		s.Dims, kept = append(s.Dims, n), append(kept, k)
	}
	if len(s.Dims) == 0 {
		return Spread{Dims: []int{1}, Steps: []int{1}}
	}
	s.Steps = make([]int, len(s.Dims))
	step := 1
	for i := len(s.Dims) - 1; i >= 0; i-- {
		if kept[i] {
			s.Steps[i] = step
			step *= s.Dims[i]
		}
	}
	return s
}
