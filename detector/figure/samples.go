package figure

import (
	"fmt"
	"image"
	"image/color"
	"strconv"

	"github.com/nodulescope/nodulescope/nodule"
)

// Samples are images that a generator made, or that it learned from, in rows:
// [28,28] as they are, [28,28,28] in three planes each. Where a support is
// given, what lies outside is not shown.
type Samples struct {
	Title   string
	Lines   []string
	Images  [][]float32 // 0..1, all of one size
	Support []float32   // of one image, for all; nil: everything counts
	Columns int         // images in a row; 0: eight, or three of 28³
}

// Draw implements [Picture].
func (k Samples) Draw() (*image.RGBA, error) {
	if err := checkImages(k.Images, k.Support); err != nil {
		return nil, fmt.Errorf("figure: draw samples: %w", err)
	}
	s := sheet{title: k.Title, lines: k.Lines, scale: 3, legend: []swatch{legendOf(k.Images[0])}}
	columns := k.Columns
	if len(k.Images[0]) == nodule.PatchVoxels {
		s.group = len(planes)
		if columns == 0 {
			columns = 3
		}
		for range min(columns, len(k.Images)) {
			for i := range planes {
				s.below = append(s.below, planes[i].name)
			}
		}
	} else if columns == 0 {
		columns = 8
	}
	for i, v := range k.Images {
		if i%columns == 0 {
			s.rows = append(s.rows, sheetRow{})
		}
		row := &s.rows[len(s.rows)-1]
		for p, tile := range tiles(v, k.Support) {
			if i == 0 && s.group > 0 {
				tile.marks = &planes[p]
			}
			row.cells = append(row.cells, tile)
		}
	}
	return s.draw(), nil
}

// Interpolation is a strip of images made from points on the line between two
// latent vectors, the first and the last from the vectors themselves: [28,28]
// in one row, [28,28,28] in a row for each plane.
type Interpolation struct {
	Title   string
	Lines   []string
	Steps   [][]float32 // 0..1, two or more of one size
	Support []float32   // as in [Samples]
}

// Draw implements [Picture].
func (k Interpolation) Draw() (*image.RGBA, error) {
	if err := checkImages(k.Steps, k.Support); err != nil {
		return nil, fmt.Errorf("figure: draw interpolation: %w", err)
	}
	if len(k.Steps) < 2 {
		return nil, fmt.Errorf("figure: draw interpolation: one image, and two ends are needed: %w", ErrShape)
	}
	s := sheet{title: k.Title, lines: k.Lines, scale: 3, legend: []swatch{legendOf(k.Steps[0])}}
	if len(k.Steps) > 9 {
		s.scale = 2
	}
	for i, v := range k.Steps {
		cells := tiles(v, k.Support)
		for r, tile := range cells {
			if i == 0 {
				row := sheetRow{}
				if len(cells) > 1 {
					row.side = planes[r].name
					tile.marks = &planes[r]
				}
				s.rows = append(s.rows, row)
			}
			if r == len(cells)-1 {
				tile.label = strconv.FormatFloat(float64(i)/float64(len(k.Steps)-1), 'f', 2, 64)
			}
			s.rows[r].cells = append(s.rows[r].cells, tile)
		}
	}
	return s.draw(), nil
}

// Montage is a patch slice by slice, five by five: 25 axial slices of the 28,
// as in figure 3 of the paper, from z = 1 (towards the feet) to z = 25; the
// first and the last two are left out.
type Montage struct {
	Title   string
	Lines   []string
	Voxels  []float32 // [28,28,28] 0..1, below 0 where there is no data
	Support []float32 // outlined; nil: no outline
}

// Draw implements [Picture].
func (m Montage) Draw() (*image.RGBA, error) {
	err := checkImage("voxels", m.Voxels, nodule.PatchVoxels)
	if err == nil && m.Support != nil {
		err = checkImage("support", m.Support, nodule.PatchVoxels)
	}
	if err != nil {
		return nil, fmt.Errorf("figure: draw montage: %w", err)
	}
	const side, first = 5, 1
	s := sheet{title: m.Title, lines: m.Lines, scale: 4, legend: []swatch{greyHU}}
	for i := range side * side {
		if i%side == 0 {
			s.rows = append(s.rows, sheetRow{})
		}
		z := i + first
		axial := plane{at: func(v, u int) (int, int, int) { return z, v, u }}
		var inside func(int) bool
		if m.Support != nil {
			inside = func(i int) bool { return m.Support[i] > 0 }
		}
		tile := sliceOf(&axial, func(i int) color.RGBA { return shade(m.Voxels[i]) }, inside)
		tile.label = "z = " + strconv.Itoa(z)
		if i == 0 {
			tile.marks = &planes[0]
		}
		row := &s.rows[len(s.rows)-1]
		row.cells = append(row.cells, tile)
	}
	if m.Support != nil {
		s.legend = append(s.legend, outlined)
	}
	return s.draw(), nil
}
