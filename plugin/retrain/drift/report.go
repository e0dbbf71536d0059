package drift

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/detector/stats"
)

// The rule, see the package's doc.
const (
	Days         = 28   // of the window
	Baseline     = 100  // series that stand for a reference where there is none
	MinWindow    = 30   // series, from which a change can be told
	MinReference = 30   // series of the reference
	Large        = 0.25 // distance or index
	Alpha        = 0.01 // after Holm's correction
	maxGroups    = 12   // of a table
)

// Report says what has moved.
type Report struct {
	Version   string   `json:"version"`
	Created   string   `json:"created"` // day
	Reference string   `json:"reference"`
	Series    int      `json:"series"` // in the window
	Values    []Change `json:"values"`
	Alarm     bool     `json:"alarm"`
	Groups    []Group  `json:"groups"`
	pairs     map[string][2][]float64
}

// Change is that of one value.
type Change struct {
	Name      string  `json:"name"`
	Number    bool    `json:"number"`    // or a name
	Baseline  bool    `json:"baseline"`  // the first series stand for the reference
	Reference int     `json:"reference"` // series
	Window    int     `json:"window"`
	Before    float64 `json:"before"` // medians, of numbers
	After     float64 `json:"after"`
	Distance  float64 `json:"distance"` // of Kolmogorov and Smirnov, or the population stability index
	P         float64 `json:"p"`        // after Holm's correction; 1 where a change cannot be told
	Enough    bool    `json:"enough"`
	Alarm     bool    `json:"alarm"`
}

// Group is what series of one week, scanner or kernel are like.
type Group struct {
	By      string             `json:"by"`
	Name    string             `json:"name"`
	Series  int                `json:"series"`
	Medians map[string]float64 `json:"medians"`
}

// NewReport compares the newest of the records with a reference, which may be nil.
func NewReport(now time.Time, version string, ref *Reference, records []Record) *Report {
	r := &Report{Version: version, Created: now.UTC().Format(time.DateOnly), Reference: "the first series that it scored", Values: []Change{}, Groups: []Group{}, pairs: map[string][2][]float64{}}
	if ref != nil {
		r.Reference = fmt.Sprintf("%d series of its training", len(ref.Records))
	}
	own := slices.DeleteFunc(slices.Clone(records), func(x Record) bool { return x.Version != version })
	first := own[:min(Baseline, len(own))]
	from := now.UTC().AddDate(0, 0, -Days).Format(time.DateOnly)
	recent := func(all []Record) []Record {
		return slices.DeleteFunc(slices.Clone(all), func(x Record) bool { return x.Day <= from })
	}
	r.Series = len(recent(own))
	numbers, names := map[string]bool{}, map[string]bool{}
	for i := range own {
		for name := range own[i].Numbers {
			numbers[name] = true
		}
		for name := range own[i].Names {
			names[name] = true
		}
	}
	add := func(name string, number bool, compare func(before, after []Record) Change) {
		var c Change
		if ref != nil {
			c = compare(ref.Records, recent(own))
		}
		if c.Reference < MinReference {
			c = compare(first, recent(own[len(first):]))
			c.Baseline = true
		}
		c.Name, c.Number, c.Enough = name, number, c.Reference >= MinReference && c.Window >= MinWindow
		if !c.Enough {
			c.P = 1
		}
		r.Values = append(r.Values, c)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add(name, false, func(before, after []Record) Change { return compareNames(textsOf(name, before), textsOf(name, after)) })
	}
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		add(name, true, func(before, after []Record) Change {
			b, a := numbersOf(name, before), numbersOf(name, after)
			r.pairs[name] = [2][]float64{b, a}
			return compareNumbers(b, a)
		})
	}
	holm(r.Values)
	for i := range r.Values {
		c := &r.Values[i]
		c.Alarm = c.Enough && c.Distance >= Large && c.P < Alpha
		r.Alarm = r.Alarm || c.Alarm
	}
	r.group(recent(own))
	return r
}

func numbersOf(name string, records []Record) (out []float64) {
	for i := range records {
		if v, known := records[i].Numbers[name]; known {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

func textsOf(name string, records []Record) (out []string) {
	for i := range records {
		if v, known := records[i].Names[name]; known {
			out = append(out, v)
		}
	}
	return out
}

// compareNumbers takes sorted values.
func compareNumbers(before, after []float64) Change {
	c := Change{Reference: len(before), Window: len(after), P: 1}
	if len(before) == 0 || len(after) == 0 {
		return c
	}
	c.Before, c.After = stats.QuartilesOf(before).Median, stats.QuartilesOf(after).Median
	c.Distance, c.P = stats.TwoSamples(before, after)
	return c
}

// compareNames compares shares.
func compareNames(before, after []string) Change {
	c := Change{Reference: len(before), Window: len(after), P: 1}
	if len(before) > 0 && len(after) > 0 {
		c.Distance, c.P = stats.Shares(before, after)
	}
	return c
}

// holm corrects p of those values of which a change can be told.
func holm(values []Change) {
	var enough []int
	var p []float64
	for i := range values {
		if values[i].Enough {
			enough, p = append(enough, i), append(p, values[i].P)
		}
	}
	for k, corrected := range stats.Holm(p) {
		values[enough[k]].P = corrected
	}
}

// group tells medians by week, scanner and kernel.
func (r *Report) group(records []Record) {
	for _, by := range []string{"week", Scanner, Kernel} {
		groups := map[string][]Record{}
		for _, one := range records {
			name := one.Names[by]
			if by == "week" {
				day, err := time.Parse(time.DateOnly, one.Day)
				if err != nil {
					continue
				}
				year, week := day.ISOWeek()
				name = fmt.Sprintf("%d-W%02d", year, week)
			}
			groups[name] = append(groups[name], one)
		}
		names := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
			if by == "week" {
				return cmp.Compare(a, b)
			}
			return cmp.Or(len(groups[b])-len(groups[a]), cmp.Compare(a, b))
		})
		for _, name := range names[:min(len(names), maxGroups)] {
			g := Group{By: by, Name: name, Series: len(groups[name]), Medians: map[string]float64{}}
			for value := range r.pairs {
				if v := numbersOf(value, groups[name]); len(v) > 0 {
					g.Medians[value] = stats.QuartilesOf(v).Median
				}
			}
			r.Groups = append(r.Groups, g)
		}
	}
}

// WriteHTML writes the report as a page.
func (r *Report) WriteHTML(w io.Writer) error {
	page := figure.Report{Title: "Drift", Subtitle: fmt.Sprintf("%d series of the last %d days, scored by %s, beside %s", r.Series, Days, r.Version, r.Reference), Command: "nodulescope models drift --html FILE"}
	if r.Alarm {
		page.Warning = "What the service sees has moved away from what its models are compared with."
	}
	table := figure.Table{Caption: "What has moved", Head: []string{"value", "reference", "series", "window", "median before", "now", "distance", "p", ""},
		Note: fmt.Sprintf("A value alarms where its distance (Kolmogorov and Smirnov; for names the population stability index) is %.2g or more and p, corrected by Holm, is below %.2g. %d series are needed in the window. A series counts once.", Large, Alpha, MinWindow)}
	s := figure.Section{Title: "Values"}
	for i, c := range r.Values {
		from, verdict := "training", ""
		if c.Baseline {
			from = "first series"
		}
		switch {
		case c.Alarm:
			verdict = "alarm"
			table.Strong = append(table.Strong, i)
		case !c.Enough:
			verdict = "too few"
		}
		before, after := "", ""
		if c.Number {
			before, after = number(c.Before), number(c.After)
		}
		table.Rows = append(table.Rows, []string{c.Name, from, strconv.Itoa(c.Reference), strconv.Itoa(c.Window), before, after, fmt.Sprintf("%.2f", c.Distance), fmt.Sprintf("%.2g", c.P), verdict})
		f, err := r.figure(c)
		if err != nil {
			return err
		}
		if f != nil {
			s.Figures = append(s.Figures, *f)
		}
	}
	if len(table.Rows) > 0 {
		s.Tables = []figure.Table{table}
	}
	page.Sections = []figure.Section{s}
	if g := r.groupTable(); len(g.Rows) > 0 {
		page.Sections = append(page.Sections, figure.Section{Title: "By week, scanner and kernel", Text: "Medians of the window.", Tables: []figure.Table{g}})
	}
	return page.WriteHTML(w)
}

// figure draws the values of a number before and now; nil: they do not differ among each
// other.
func (r *Report) figure(c Change) (*figure.Figure, error) {
	groups := r.pairs[c.Name]
	if !c.Number || len(groups[0]) < 3 || len(groups[1]) < 3 || min(groups[0][0], groups[1][0]) == max(groups[0][len(groups[0])-1], groups[1][len(groups[1])-1]) {
		return nil, nil //nolint:nilnil // no picture is no error
	}
	x, y := stats.Densities(groups[:], nil, false)
	svg, err := figure.Density{Title: c.Name, Axis: c.Name, At: x, Groups: []figure.DensityGroup{{Name: "reference", Values: groups[0], Density: y[0]}, {Name: "window", Values: groups[1], Density: y[1]}}}.SVG()
	if err != nil {
		return nil, err
	}
	return &figure.Figure{Caption: c.Name + ", a series each", Alt: "densities of the reference and of the window", SVG: svg}, nil
}

func (r *Report) groupTable() figure.Table {
	t := figure.Table{Caption: "Groups", Head: []string{"by", "group", "series"}}
	names := slices.Sorted(maps.Keys(r.pairs))
	t.Head = append(t.Head, names...)
	for _, g := range r.Groups {
		row := []string{g.By, g.Name, strconv.Itoa(g.Series)}
		for _, name := range names {
			cell := "-"
			if v, known := g.Medians[name]; known {
				cell = number(v)
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
