package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"sort"

	"github.com/nodulescope/nodulescope/nodule"
)

// Case is a nodule and what a detector made of it.
type Case struct {
	Name           string    // such as "normal, best: 0.0041"
	Scan           []float32 // [28,28,28] 0..1, see [Scan]; nil: the patch is shown
	Patch          nodule.Patch
	Reconstruction []float32 // [28,28,28] 0..1
}

// Cases are nodules below each other, each in three planes: input,
// reconstruction and absolute difference. It is a [Panel] of many nodules. The
// input is the scan with the outline of the support where there is one, else
// the voxels of the support alone.
type Cases struct {
	Title string
	Lines []string
	Cases []Case
}

// Draw implements [Picture].
func (k Cases) Draw() (*image.RGBA, error) {
	if len(k.Cases) == 0 {
		return nil, fmt.Errorf("figure: draw cases: %w", ErrEmpty)
	}
	s := sheet{title: k.Title, lines: k.Lines, scale: 3, group: 3, legend: []swatch{greyHU, heatHU}}
	for i := range planes {
		s.heads = append(s.heads, planes[i].name)
		s.below = append(s.below, "input", "reconstruction", "|difference|")
	}
	scan := false
	for i, c := range k.Cases {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("figure: draw cases: case %d, %s: %w", i+1, c.Name, err)
		}
		columns := Panel{Scan: c.Scan, Patch: c.Patch, Reconstruction: c.Reconstruction}.columns()
		if c.Scan != nil {
			columns = append(columns[:1], columns[2:]...) // the scan stands for the patch
			scan = true
		}
		row := sheetRow{head: c.Name}
		for p := range planes {
			for n, column := range columns {
				tile := sliceOf(&planes[p], column.colour, column.outline)
				if i == 0 && n == 0 {
					tile.marks = &planes[p]
				}
				row.cells = append(row.cells, tile)
			}
		}
		s.rows = append(s.rows, row)
	}
	if scan {
		s.legend = append(s.legend, outlined)
	}
	return s.draw(), nil
}

func (c Case) check() error {
	if err := checkImage("patch", c.Patch.Voxels, nodule.PatchVoxels); err != nil {
		return err
	}
	if err := checkImage("support", c.Patch.Support, nodule.PatchVoxels); err != nil {
		return err
	}
	if err := checkImage("reconstruction", c.Reconstruction, nodule.PatchVoxels); err != nil {
		return err
	}
	if c.Scan == nil {
		return nil
	}
	return checkImage("scan", c.Scan, nodule.PatchVoxels)
}

// Extremes are the places of the smallest, the median (the lower of two) and
// the largest value: the best, the median and the worst case of a class. Equal
// values stand in the order given. It is nil without values.
func Extremes(values []float64) []int {
	if len(values) == 0 {
		return nil
	}
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return values[order[a]] < values[order[b]] })
	return []int{order[0], order[(len(order)-1)/2], order[len(order)-1]}
}

// DigitCase is an image of 28 by 28 and what a detector made of it.
type DigitCase struct {
	Label                 string    // below it; a few letters
	Input, Reconstruction []float32 // [28,28] 0..1
}

// DigitBlock is a class in [Digits].
type DigitBlock struct {
	Name  string
	Cases []DigitCase
}

// Digits are images of 28 by 28 beside each other, one block for each class:
// a row of inputs, one of reconstructions, one of absolute differences.
type Digits struct {
	Title  string
	Lines  []string
	Blocks []DigitBlock
}

// Draw implements [Picture].
func (d Digits) Draw() (*image.RGBA, error) {
	s := sheet{title: d.Title, lines: d.Lines, scale: 3, legend: []swatch{{"0", "1", grey}, {"0", fmt.Sprintf("%g or more", fullDifference), heat}}}
	for _, b := range d.Blocks {
		if len(b.Cases) > 7 {
			s.scale = 2
		}
		rows := []sheetRow{{head: b.Name, side: "input"}, {side: "reconstruction"}, {side: "|difference|"}}
		for i, c := range b.Cases {
			for name, values := range map[string][]float32{"input": c.Input, "reconstruction": c.Reconstruction} {
				if err := checkImage(name, values, digitPixels); err != nil {
					return nil, fmt.Errorf("figure: draw digits: %s, case %d: %w", b.Name, i+1, err)
				}
			}
			rows[0].cells = append(rows[0].cells, digit(func(i int) color.RGBA { return shade(c.Input[i]) }))
			rows[1].cells = append(rows[1].cells, digit(func(i int) color.RGBA { return shade(c.Reconstruction[i]) }))
			last := digit(func(i int) color.RGBA {
				return heat(float32(math.Abs(float64(c.Input[i]-c.Reconstruction[i]))) / fullDifference)
			})
			last.label = c.Label
			rows[2].cells = append(rows[2].cells, last)
		}
		if len(b.Cases) > 0 {
			s.rows = append(s.rows, rows...)
		}
	}
	if len(s.rows) == 0 {
		return nil, fmt.Errorf("figure: draw digits: %w", ErrEmpty)
	}
	return s.draw(), nil
}
