package rungs

import (
	"context"
	"errors"
	"math"
	"testing"
)

// TestDensities: learned densities have their rows, and rank what lies away from
// the normals higher.
func TestDensities(t *testing.T) {
	cases := planned(240, 1)
	run := func() *Table {
		table, err := CrossValidate(t.Context(), cases, Options{Folds: []int{2}, Seeds: 1, Readers: 2, Densities: true})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	found := map[string]float64{}
	for _, r := range run().Rows {
		found[r.Name] = r.Area.Mean
	}
	for _, d := range densities() {
		for _, name := range []string{densityRow(d), ratioRow(d)} {
			area, ok := found[name]
			if !ok || math.IsNaN(area) {
				t.Errorf("%s: %v, %v", name, ok, area)
			}
		}
	}
	if area := found[ratioRow(densities()[1])]; area < 0.7 {
		t.Errorf("MAF against one of all: %.2f", area)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := CrossValidate(ctx, cases, Options{Densities: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
