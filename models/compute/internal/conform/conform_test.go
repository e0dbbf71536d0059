package conform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/op"
)

func TestCompare(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	f := func(v ...float64) []float32 {
		x := make([]float32, len(v))
		for i := range v {
			x[i] = float32(v[i])
		}
		return x
	}
	for _, c := range []struct {
		name string
		got  []float32
		want []float64
		ok   bool
	}{
		{"equal", f(1, -2), []float64{1, -2}, true},
		{"within the bound of the largest", f(1000, 0.001), []float64{1000, 0}, true},
		{"beyond", f(1000, 0.01), []float64{1000, 0}, false},
		{"too few", f(1), []float64{1, 2}, false},
		{"not finite, both", f(nan, inf, 1), []float64{nan, inf, 1}, true},
		{"a number for NaN", f(0, 1), []float64{nan, 1}, false},
		{"NaN for a number", f(nan, 1), []float64{0, 1}, false},
		{"the other infinity", f(-inf, 1), []float64{inf, 1}, false},
	} {
		if err := Compare(c.got, c.want); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestCases: every case makes a graph of which op.Evaluate computes what Want
// does, and none of them is a constant, which any back end would pass.
func TestCases(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long, and nothing in it runs beside anything")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i, c := range Cases(rng) {
		n, err := c.Graph()
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		x := c.Inputs(rng)
		feed := map[string][]float32{}
		for j := range x {
			feed[fmt.Sprint("x", j)] = x[j]
		}
		want, err := c.Want(x)
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		got := op.Evaluate(feed, n)[0]
		if len(got) != len(want) || len(got) != n.Shape().TotalSize() {
			t.Fatalf("case %d: %d and %d values for %v", i, len(got), len(want), n.Shape())
		}
		moved := len(x) == 0
		for j := range got {
			if got[j] != want[j] {
				t.Fatalf("case %d, %v: element %d is %v and %v", i, c.Op, j, got[j], want[j])
			}
			moved = moved || got[j] != 0
		}
		if !moved {
			t.Errorf("case %d, %v: nothing but zeros", i, c.Op)
		}
	}
}
