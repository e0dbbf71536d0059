package rungs

import (
	"errors"
	"strings"
	"testing"
)

// TestDiameterCurve: the worse the diameter, the less what rests on it is worth;
// the rung without one does not change.
func TestDiameterCurve(t *testing.T) {
	cases := planned(240, 5)
	o := Options{Seeds: 1, Noise: DiameterNoise}
	points, err := DiameterCurve(t.Context(), cases, o)
	if err != nil {
		t.Fatal(err)
	}
	first, last := points[0], points[len(curveNoises)-1]
	if first.Row != RowReaders || first.Noise != 0 || last.Noise != 0.3 || !(first.Area.Mean > last.Area.Mean) {
		t.Errorf("the diameters alone: %+v, then %+v", first, last)
	}
	table, err := CrossValidate(t.Context(), cases, o)
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, p := range points {
		for _, r := range table.Rows {
			if p.Missing && r.Name == p.Row {
				if missing++; p.Area.Mean != r.Area.Mean {
					t.Errorf("%s: %g, in the table %g", p.Row, p.Area.Mean, r.Area.Mean)
				}
			}
		}
	}
	if missing != len(Names()) {
		t.Errorf("%d rungs without a diameter, want %d", missing, len(Names()))
	}
	if text := DiameterMarkdown(points); strings.Count(text, "\n") != 3+len(Names()) {
		t.Error(text)
	}
	cases[3].DiameterMM = 0
	if _, err := DiameterCurve(t.Context(), cases, o); !errors.Is(err, ErrNoDiameters) {
		t.Error(err)
	}
}
