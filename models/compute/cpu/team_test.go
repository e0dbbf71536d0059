package cpu

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestPartition: whatever the number of workers and parts, every part is done
// once, each worker's parts are one run of neighbours, and workers are told
// apart. The race detector does not see into assembly, so this is what it
// cannot.
func TestPartition(t *testing.T) {
	for size := 1; size <= 5; size++ {
		team := newTeam(size)
		for parts := range 40 {
			by := make([]atomic.Int32, parts)
			team.each(parts, func(worker, part int) {
				if !by[part].CompareAndSwap(0, int32(worker)+1) { //nolint:gosec // small
					t.Errorf("%d workers, %d parts: part %d was done twice", size, parts, part)
				}
			})
			last := int32(1)
			for p := range by {
				w := by[p].Load()
				if w < last || int(w) > size {
					t.Fatalf("%d workers, %d parts: part %d was done by %d after %d", size, parts, p, w, last)
				}
				last = w
			}
			for n := range 100 {
				if parts == 0 {
					continue
				}
				covered := 0
				for p := range parts {
					lo, hi := span(n, p, parts)
					if lo != covered || hi < lo {
						t.Fatalf("part %d of %d of %d elements is [%d, %d)", p, parts, n, lo, hi)
					}
					covered = hi
				}
				if covered != n {
					t.Fatalf("%d parts cover %d of %d elements", parts, covered, n)
				}
			}
		}
	}
}

// TestParallelPlans runs plans that share parameters at the same time: they
// share the helpers, too, and nothing else.
func TestParallelPlans(t *testing.T) {
	w := make([]float32, 4*2*27)
	for i := range w {
		w[i] = float32(math.Sin(float64(i)))
	}
	var wg sync.WaitGroup
	outs := make([][]float32, 6)
	for k := range outs {
		g := gorgonia.NewGraph()
		leaf := func(name string, s ...int) *gorgonia.Node {
			return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
		}
		b := op.Builder{}
		h := b.Do(op.Conv{Stride: 1, Pad: 1}, leaf("x", 3, 2, 9, 9, 9), leaf("w", 4, 2, 3, 3, 3))
		h = b.Unary(op.Sigmoid, b.Scale(h, 0.5))
		if b.Err != nil {
			t.Fatal(b.Err)
		}
		p, err := compute.Compile(gorgonia.Nodes{h}, map[string][]float32{"w": w}, compute.Options{Backends: []compute.Backend{&Backend{3, kernel.Best()}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Input("x") {
			p.Input("x")[i] = float32(math.Cos(float64(i)))
		}
		wg.Go(func() {
			for range 20 {
				p.Run()
			}
			outs[k] = p.Output(0)
		})
	}
	wg.Wait()
	for k, out := range outs {
		for i, v := range out {
			if v != outs[0][i] {
				t.Fatalf("plan %d: element %d is %v, of the first plan %v", k, i, v, outs[0][i])
			}
		}
	}
}
