package figure

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"
)

// named draws, and says of an error which chart it is of.
func named(chart string, svg func() ([]byte, error)) ([]byte, error) {
	b, err := svg()
	if err != nil {
		return nil, fmt.Errorf("figure: draw %s: %w", chart, err)
	}
	return b, nil
}

// Mark is a line across a chart, such as a threshold or the value of a paper.
type Mark struct {
	Name string
	At   float64
}

func checkMarks(marks []Mark, log bool) error {
	for _, m := range marks {
		if err := checkGroups([]Group{{m.Name, []float64{m.At}}}, log); err != nil {
			return err
		}
	}
	return nil
}

// marks draws marks as lines, upright or level, with dashes of their own from
// those of reference(first) on, and returns their entries in the legend.
func marks(line func(at float64, style draw.LineStyle), marks []Mark, first int, format string) []entry {
	var legend []entry
	for i, m := range marks {
		line(m.At, reference(first+i))
		legend = append(legend, lineEntry(fmt.Sprintf("%s, "+format, m.Name, m.At), reference(first+i)))
	}
	return legend
}

// listsOf are the values that an axis must hold.
func listsOf(groups []Group, marks []Mark) [][]float64 {
	var lists [][]float64
	for _, g := range groups {
		lists = append(lists, g.Values)
	}
	for _, m := range marks {
		lists = append(lists, []float64{m.At})
	}
	return lists
}

// axes are those of a chart of points, [Lines] or [Scatter], with its marks.
type axes struct {
	x, y           string
	logX, logY     bool
	marksX, marksY []Mark
}

// frame checks the points of each name and the marks, and makes a frame that
// holds them.
func (a axes) frame(points []Series) (frame, error) {
	var xs, ys []Group
	for _, s := range points {
		if err := same(s.Name, s.X, s.Y); err != nil {
			return frame{}, err
		}
		xs, ys = append(xs, Group{s.Name + ", " + a.x, s.X}), append(ys, Group{s.Name + ", " + a.y, s.Y})
	}
	for _, d := range []struct {
		groups []Group
		marks  []Mark
		log    bool
	}{{xs, a.marksX, a.logX}, {ys, a.marksY, a.logY}} {
		if err := checkGroups(d.groups, d.log); err != nil {
			return frame{}, err
		}
		if err := checkMarks(d.marks, d.log); err != nil {
			return frame{}, err
		}
	}
	return newFrame(span(a.x, a.logX, listsOf(xs, a.marksX)...), span(a.y, a.logY, listsOf(ys, a.marksY)...)), nil
}

// marks draws the marks and returns their entries in the legend.
func (a axes) marks(f frame, format string) []entry {
	return append(marks(f.upright, a.marksX, 0, format), marks(f.level, a.marksY, len(a.marksX), "%.3g")...)
}
