package figure

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

func estimate(v float64) *Estimate { return &Estimate{v, v - 0.1, v + 0.08} }

func TestReliability(t *testing.T) {
	r := Reliability{
		Title: "Reliability", Band: "3 bins of equal count, Wilson 95 %",
		Bins:   []Bin{{0.1, Estimate{0, 0, 0.28}, 10}, {0.4, Estimate{0.5, 0.24, 0.76}, 10}, {0.9, Estimate{1, 0.7, 1}, 9}},
		Groups: []Group{{"normal", []float64{0, 0.1, 0.12, 0.4}}, {"anomaly", []float64{0.11, 0.9, 1}}},
	}
	all := drawn(t, r)
	hasText(t, all, "normal (n = 4)", "anomaly (n = 3)", "10", "9", "share of anomalies", "probability", "count", "Wilson 95 %")
	if n := count(all, circle, blue); n != 3+1 {
		t.Errorf("%d bins with the legend's, want 4", n)
	}
	stacked, most, err := r.stack()
	if err != nil || most != 3 || stacked[1][2] != 2 || stacked[2][2] != 3 || stacked[1][0] != 1 || stacked[2][19] != 1 {
		t.Errorf("histogram %v, highest %d: %v", stacked, most, err)
	}
	for name, change := range map[string]func(*Reliability){
		"no bins":          func(r *Reliability) { r.Bins = nil },
		"nobody":           func(r *Reliability) { r.Groups = nil },
		"a percentage":     func(r *Reliability) { r.Groups = []Group{{"normal", []float64{40}}} },
		"bin of no number": func(r *Reliability) { r.Bins = []Bin{{math.NaN(), Estimate{0, 0, 1}, 1}} },
		"bin backwards":    func(r *Reliability) { r.Bins = []Bin{{0.5, Estimate{0.5, 0.9, 0.1}, 1}} },
	} {
		broken := r
		change(&broken)
		if _, err := broken.SVG(); err == nil {
			t.Errorf("%s is drawn", name)
		}
	}
}

func TestDotsSayWhatCouldNotBeMeasured(t *testing.T) {
	d := Dots{
		Title: "AUROC by size", X: "diameter", Y: "AUROC", Categories: []string{"< 6 mm\n30 + 3", "> 20 mm\n0 + 5"}, Interval: "DeLong 95 %",
		Series: []DotSeries{{Name: "vae-ad", Estimates: []*Estimate{estimate(0.7), nil}}, {Name: "diameter only", Reference: true, Estimates: []*Estimate{estimate(0.6), nil}}},
		Marks:  []Mark{{"paper", 0.62}},
	}
	all := drawn(t, d)
	hasText(t, all, "< 6 mm", "30 + 3", "n/a", "vae-ad", "diameter only", "paper, 0.62", "DeLong 95 %")
	if n := count(all, circle, blue); n != 1+1 {
		t.Errorf("%d dots with the legend's, want 2", n)
	}
	if n := count(all, upright, "stroke:"+blue); n != 3 { // the interval and its caps
		t.Errorf("%d lines of the interval, want 3", n)
	}
	d.Series[0].Estimates = d.Series[0].Estimates[:1]
	if _, err := d.SVG(); !errors.Is(err, ErrShape) {
		t.Errorf("an estimate too few: %v", err)
	}
	d.Series = []DotSeries{{Name: "vae-ad", Estimates: []*Estimate{nil, nil}}}
	if _, err := d.SVG(); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing measured: %v", err)
	}
}

func TestForestShowsEveryRow(t *testing.T) {
	f := Forest{Title: "Rows", Columns: []string{"AUROC", "size-matched"}, Null: 0.5, Interval: "DeLong 95 %"}
	for i := range 9 {
		f.Rows = append(f.Rows, ForestRow{Name: fmt.Sprintf("row %d: with a name that needs more than one line", i), Note: "52 + 32", Reference: i > 3, Estimates: []*Estimate{estimate(0.6 + 0.01*float64(i)), estimate(0.5)}})
	}
	f.Rows[8].Estimates[1] = nil
	all := drawn(t, f)
	hasText(t, all, "AUROC", "size-matched", "row 0", "row 8", "52 + 32", "0.60 [0.50, 0.68]", "n/a", "chance, 0.5", "baseline, no model")
	f.Rows[0].Estimates[0] = &Estimate{0.47, 0.48, 0.8} // as a bootstrap may have it
	hasText(t, drawn(t, f), "0.47 [0.48, 0.80]")
	if n := count(all, circle, blue); n != 2*4+1 {
		t.Errorf("%d dots of models with the legend's, want 9", n)
	}
	for name, change := range map[string]func(*Forest){
		"no rows":      func(f *Forest) { f.Rows = nil },
		"no columns":   func(f *Forest) { f.Columns = nil },
		"four columns": func(f *Forest) { f.Columns = make([]string, 4) },
		"short row":    func(f *Forest) { f.Rows = []ForestRow{{Name: "a", Estimates: []*Estimate{estimate(0.5)}}} },
		"no number":    func(f *Forest) { f.Rows = []ForestRow{{Name: "a", Estimates: []*Estimate{{math.NaN(), 0, 1}, nil}}} },
	} {
		broken := f
		change(&broken)
		if _, err := broken.SVG(); err == nil {
			t.Errorf("%s is drawn", name)
		}
	}
}

func TestChartsRefuseWhatCannotBeShown(t *testing.T) {
	bad := map[string][]Group{
		"NaN":      {{"normal", []float64{1, math.NaN()}}},
		"infinity": {{"normal", []float64{1}}, {"anomaly", []float64{math.Inf(1)}}},
		"empty":    {{"normal", nil}},
	}
	for name, groups := range bad {
		want := ErrNotFinite
		if name == "empty" {
			want = ErrEmpty
		}
		var clouds []Series
		var series []Series
		for _, g := range groups {
			clouds, series = append(clouds, Series{g.Name, g.Values, g.Values}), append(series, Series{g.Name, g.Values, g.Values})
		}
		anomalies := groups[len(groups)-1]
		for kind, c := range map[string]Chart{
			"density": smoothed(Density{}, groups),
			"scatter": Scatter{Clouds: clouds},
			"lines":   Lines{Series: series},
			"search":  SearchCurves{Groups: []Curves{{Name: "all", Single: [][]float64{anomalies.Values}}}},
		} {
			if _, err := c.SVG(); !errors.Is(err, want) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
	zero := []Group{{"normal", []float64{0, 1}}}
	if _, err := smoothed(Density{Log: true}, zero).SVG(); err == nil {
		t.Error("a value of 0 stands on a logarithmic axis")
	}
	if _, err := smoothed(Density{Marks: []Mark{{"threshold", math.NaN()}}}, zero).SVG(); !errors.Is(err, ErrNotFinite) {
		t.Errorf("a threshold of NaN: %v", err)
	}
}
