package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shape is an element of a drawing.
type shape struct{ name, d, style, text string }

// shapes parses a drawing and refuses what is no SVG of 525 points, or names anything
// but itself.
func shapes(t *testing.T, svg []byte) []shape {
	t.Helper()
	var out []shape
	for token, err := range tokens(bytes.NewReader(svg)) {
		if err != nil {
			t.Fatalf("SVG is not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			s := shape{name: e.Name.Local}
			if !slices.Contains([]string{"svg", "g", "path", "text"}, s.name) {
				t.Errorf("a chart has an element %s", s.name)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || slices.Contains([]string{"id", "href", "class"}, a.Name.Local) || strings.Contains(a.Value, "url") {
					t.Errorf("a chart has an attribute %s=%q", a.Name.Local, a.Value)
				}
				switch a.Name.Local {
				case "d":
					s.d = a.Value
				case "style":
					s.style = a.Value
				case "width":
					if s.name == "svg" && a.Value != "525pt" {
						t.Errorf("a chart is %s wide", a.Value)
					}
				}
			}
			if strings.Contains(s.d+s.style, "NaN") || strings.Contains(s.d+s.style, "Inf") {
				t.Errorf("a place is no number: %+v", s)
			}
			out = append(out, s)
		case xml.CharData:
			if len(out) > 0 {
				out[len(out)-1].text += strings.TrimSpace(string(e))
			}
		}
	}
	if len(out) == 0 || out[0].name != "svg" {
		t.Fatal("no SVG")
	}
	return out
}

// drawn makes a chart twice: the same data must give the same bytes.
func drawn(t *testing.T, c Chart) []shape {
	t.Helper()
	one, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	if two, _ := c.SVG(); !bytes.Equal(one, two) {
		t.Error("the same data gives another drawing")
	}
	return shapes(t, one)
}

// count counts the shapes whose path and style match.
func count(all []shape, path, style string) int {
	n := 0
	for _, s := range all {
		if s.name == "path" && regexp.MustCompile(path).MatchString(s.d) && strings.Contains(s.style, style) {
			n++
		}
	}
	return n
}

func hasText(t *testing.T, all []shape, wants ...string) {
	t.Helper()
	var texts []string
	for _, s := range all {
		texts = append(texts, s.text)
	}
	joined := strings.Join(texts, " ") // a long text stands on several lines
	for _, want := range wants {
		if !strings.Contains(joined, want) {
			t.Errorf("%q is not written in the chart: %q", want, texts)
		}
	}
}

const (
	blue, vermillion = "#0072B2", "#D55E00"
	circle           = "A"                     // arcs
	upright          = `^M[^L]*L[^L]*$`        // a line between two points
	triangle         = `^M[^L]*L[^L]*L[^L]*Z$` // a filled pyramid
)

// classes are skewed scores as detectors give them.
func classes() []Group {
	rng := rand.New(rand.NewPCG(7, 11))
	groups := []Group{{Name: "normal"}, {Name: "anomaly"}}
	for i, n := range []int{52, 32} {
		for range n {
			groups[i].Values = append(groups[i].Values, 0.009*math.Exp(0.5*rng.NormFloat64()+0.5*float64(i)))
		}
	}
	return groups
}

// smoothed gives a density chart groups with a hump each.
func smoothed(d Density, groups []Group) Density {
	for i := range 100 {
		d.At = append(d.At, 0.001*math.Pow(1.1, float64(i)))
	}
	for _, g := range groups {
		hump := make([]float64, len(d.At))
		for i := range hump {
			hump[i] = float64(i * (len(hump) - 1 - i))
		}
		d.Groups = append(d.Groups, DensityGroup{g.Name, g.Values, hump})
	}
	return d
}

func TestDensityShowsEveryValue(t *testing.T) {
	for _, log := range []bool{false, true} {
		all := drawn(t, smoothed(Density{Title: "Scores", Axis: "score per voxel", Log: log, Marks: []Mark{{"threshold", 0.0109}}}, classes()))
		hasText(t, all, "Scores", "score per voxel", "normal (n = 52)", "anomaly (n = 32)", "threshold, 0.0109", "density")
		if n := count(all, upright, "stroke-opacity:0.66"); n != 52+32 {
			t.Errorf("log %v: the rug has %d lines, want 84", log, n)
		}
	}
}

func TestDegenerateDensity(t *testing.T) {
	for name, groups := range map[string][]Group{
		"one value":       {{"normal", []float64{3}}},
		"equal values":    {{"normal", []float64{0.1, 0.1, 0.1}}, {"anomaly", []float64{0.1}}},
		"a class without": {{"normal", []float64{1, 2, 3}}, {"anomaly", nil}},
		"all nought":      {{"normal", []float64{0, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, g := range groups {
				n += len(g.Values)
			}
			all := drawn(t, smoothed(Density{Axis: "score"}, groups))
			if got := count(all, upright, "stroke-opacity:0.66"); got != n {
				t.Errorf("%d lines in the rug, want %d", got, n)
			}
			hasText(t, all, fmt.Sprintf("%s (n = %d)", groups[len(groups)-1].Name, len(groups[len(groups)-1].Values)))
		})
	}
}

func TestDensityRefuses(t *testing.T) {
	for name, change := range map[string]func(*Density){
		"no places":      func(d *Density) { d.At = nil },
		"one place":      func(d *Density) { d.At = d.At[:1] },
		"falling places": func(d *Density) { slices.Reverse(d.At) },
		"other length":   func(d *Density) { d.Groups[0].Density = d.Groups[0].Density[1:] },
		"nothing there":  func(d *Density) { clear(d.Groups[0].Density); clear(d.Groups[1].Density) },
	} {
		d := smoothed(Density{Axis: "score"}, classes())
		change(&d)
		if _, err := d.SVG(); err == nil {
			t.Errorf("%s: drawn", name)
		}
	}
}

func TestScatterShowsEveryPoint(t *testing.T) {
	g := classes()
	s := Scatter{X: "diameter, mm", Y: "score", LogY: true, MarksX: []Mark{{"band", 8}}, MarksY: []Mark{{"threshold", 0.01}}, Relationship: "Spearman's rho 0.6"}
	for _, g := range g {
		c := Series{Name: g.Name, Y: g.Values}
		for i := range g.Values {
			c.X = append(c.X, 4+float64(i%17))
		}
		s.Clouds = append(s.Clouds, c)
	}
	all := drawn(t, s)
	if n := count(all, circle, "fill:"); n != 52+1 { // and the legend
		t.Errorf("%d circles, want 53", n)
	}
	if n := count(all, triangle, ""); n != 32+1 {
		t.Errorf("%d triangles, want 33", n)
	}
	hasText(t, all, "diameter, mm", "normal (n = 52)", "band, 8", "threshold, 0.01", "Spearman's rho 0.6")
	s.Clouds[0].X = s.Clouds[0].X[1:]
	if _, err := s.SVG(); !errors.Is(err, ErrShape) {
		t.Errorf("a missing diameter: %v", err)
	}
}

func TestLinesThinOnlyWhatCannotBeSeen(t *testing.T) {
	var xs, ys []float64
	for i := range 20000 {
		xs, ys = append(xs, float64(i)), append(ys, math.Sin(float64(i)))
	}
	ys[12345], ys[777] = 50, -60
	x, y := thin(xs, ys)
	if len(x) > 1000 || len(x) != len(y) || x[0] != 0 || x[len(x)-1] != 19999 {
		t.Fatalf("%d points from %v to %v", len(x), x[0], x[len(x)-1])
	}
	seen := map[float64]float64{}
	for i := range x {
		seen[x[i]] = y[i]
		if i > 0 && x[i] <= x[i-1] {
			t.Fatal("points go backwards")
		}
	}
	if seen[12345] != 50 || seen[777] != -60 {
		t.Error("an extreme is lost")
	}
	if x, _ := thin(xs[:1000], ys[:1000]); len(x) != 1000 {
		t.Error("1,000 points are thinned")
	}
	all := drawn(t, Lines{X: "step", Y: "loss", Series: []Series{{"critic loss", xs, ys}, {"short", xs[:3], ys[:3]}}, MarksX: []Mark{{"kept", 900}}})
	hasText(t, all, "step", "loss", "critic loss", "short", "kept, 900")
	all = drawn(t, Lines{X: "step", Y: "loss", LogY: true, Series: []Series{{"one", []float64{1}, []float64{5}}}})
	if count(all, circle, blue) != 1 {
		t.Error("a series of one point cannot be seen")
	}
}

func TestSearchCurves(t *testing.T) {
	s := SearchCurves{Y: "loss", Groups: []Curves{
		{Name: "normal", N: 3, Low: []float64{4, 1}, Median: []float64{6, 2}, High: []float64{8, 3}, Single: [][]float64{{4, 1}, {8, 2}}},
		{Name: "anomaly", N: 1, Low: []float64{9, 9}, Median: []float64{9, 9}, High: []float64{9, 9}, Single: [][]float64{{9, 9}}}, {Name: "none"}}}
	all := drawn(t, s)
	if n := count(all, upright, "stroke-width:0.5"); n != 2+1 {
		t.Errorf("%d single searches, want 3", n)
	}
	hasText(t, all, "normal (n = 3)", "anomaly (n = 1)", "none (n = 0)", "median", "up to 2 of each")
	s.Groups[1].Single[0] = []float64{1}
	if _, err := s.SVG(); !errors.Is(err, ErrShape) {
		t.Errorf("searches of other lengths: %v", err)
	}
}

func TestCountsAreWhole(t *testing.T) {
	for most, want := range map[int]string{1: "0 1", 4: "0 1 2 3 4", 37: "0 5 10 15 20 25 30 35"} {
		var got []string
		for _, tick := range counts("", most).ticksOf() {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("up to %d: %v, want %s", most, got, want)
		}
	}
}

func TestGroupsDifferWithoutColour(t *testing.T) {
	seen := map[string]int{}
	for i := range 12 {
		style := strokeOf(i)
		key := fmt.Sprint(style.Color, style.Dashes)
		if before, ok := seen[key]; ok {
			t.Errorf("groups %d and %d have the same line", before, i)
		}
		seen[key] = i
		if i < len(palette) && i > 0 && fmt.Sprint(strokeOf(i-1).Dashes) == fmt.Sprint(style.Dashes) {
			t.Errorf("groups %d and %d have the same dash", i-1, i)
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, test := range []struct {
		a    axis
		want string
	}{
		{unit(""), "0 0.2 0.4 0.6 0.8 1.0"},
		{axis{low: -20.3, high: 25.7}, "-20 -10 0 10 20"},
		{axis{low: 0.0021, high: 0.052, log: true}, "0.005 0.01 0.02 0.05"},
		{axis{low: 0.7, high: 1500000, log: true}, "1 10 100 1000 10000 100000 1e+06"},
		{axis{low: 3e6, high: 5e6}, "3e+06 3.5e+06 4e+06 4.5e+06 5e+06"},
		{axis{low: 100, high: 101, log: true}, "100.0 100.2 100.4 100.6 100.8 101.0"},
	} {
		var got []string
		for _, tick := range test.a.ticksOf() {
			if tick.Label != "" {
				got = append(got, tick.Label)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%+v: %v, want %s", test.a, got, test.want)
		}
	}
}
