package figure

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// picture draws, encodes and decodes: both must be the same.
func picture(t *testing.T, p Picture, width, height int) *image.RGBA {
	t.Helper()
	img, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	data, err := PNG(p)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if decoded.Bounds() != img.Bounds() || img.Bounds().Dx() != width || img.Bounds().Dy() != height {
		t.Errorf("size %v, decoded %v, want %d x %d", img.Bounds(), decoded.Bounds(), width, height)
	}
	return img
}

// filled is an image of one value with one element of another.
func filled(n int, v float32, at int, other float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = v
	}
	out[at] = other
	return out
}

// places counts the pixels of a colour above the legend.
func places(img *image.RGBA, c color.RGBA) int {
	n := 0
	for y := range img.Bounds().Dy() - sheetEdge - textLine {
		for x := range img.Bounds().Dx() {
			if img.RGBAAt(x, y) == c {
				n++
			}
		}
	}
	return n
}

// mid is a voxel that all three planes show, and that the support has.
const mid = (centre*size+centre)*size + centre

var special = grey(0.3) // a grey that nothing else in a picture has

func TestCasesShowInputReconstructionAndDifference(t *testing.T) {
	cube := marked(centre, centre, centre)
	c := Case{Name: "normal, best", Patch: nodule.Central(cube), Scan: Scan(cube), Reconstruction: filled(nodule.PatchVoxels, 0, mid, 0.3)}
	c.Patch.Voxels[mid], c.Scan[mid] = 0.7, 0.7
	k := Cases{Title: "Cases", Lines: []string{"a line"}, Cases: []Case{c, c}}
	// 9 tiles of 84 pixels, 6 gaps of 3, 2 of 12, edges of 10.
	img := picture(t, k, 20+9*84+6*3+2*12, 20+19+17+2*17+2*(19+88)+21)
	for name, test := range map[string]struct {
		c color.RGBA
		n int
	}{"input": {grey(0.7), 1}, "reconstruction": {grey(0.3), 1}, "difference": {heat(0.4 / fullDifference), 1}} {
		if got, want := places(img, test.c), 2*3*9; got != want { // two cases, three planes, 3 by 3 pixels
			t.Errorf("%s: %d pixels, want %d", name, got, want)
		}
	}
	k.Cases[0].Scan, k.Cases[1].Scan = nil, nil
	if img := picture(t, k, img.Bounds().Dx(), img.Bounds().Dy()); places(img, grey(0.7)) != 2*3*9 {
		t.Error("without a scan the patch is not shown")
	}
	for name, change := range map[string]func(*Case){
		"patch":          func(c *Case) { c.Patch.Voxels = nil },
		"support":        func(c *Case) { c.Patch.Support = c.Patch.Support[1:] },
		"reconstruction": func(c *Case) { c.Reconstruction = filled(nodule.PatchVoxels, 0, 1, float32(math.NaN())) },
		"scan":           func(c *Case) { c.Scan = make([]float32, 3) },
	} {
		broken := c
		change(&broken)
		if _, err := (Cases{Cases: []Case{broken}}).Draw(); !errors.Is(err, ErrShape) && !errors.Is(err, ErrNotFinite) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := PNG(Cases{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("no cases: %v", err)
	}
}

func TestExtremes(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   [3]int
	}{{[]float64{5, 1, 3}, [3]int{1, 2, 0}}, {[]float64{4, 3, 2, 1}, [3]int{3, 2, 0}}, {[]float64{7}, [3]int{}}, {[]float64{2, 2, 2}, [3]int{0, 1, 2}}} {
		if got := Extremes(test.values); len(got) != 3 || [3]int(got) != test.want {
			t.Errorf("%v: %v, want %v", test.values, got, test.want)
		}
	}
	if Extremes(nil) != nil {
		t.Error("extremes of nothing")
	}
}

func TestDigits(t *testing.T) {
	c := DigitCase{Label: "5", Input: filled(digitPixels, 0, 300, 0.7), Reconstruction: filled(digitPixels, 0, 300, 0.3)}
	d := Digits{Title: "Digits", Blocks: []DigitBlock{{"normal", []DigitCase{c, c, c}}, {"none", nil}, {"nine", []DigitCase{c}}}}
	img, err := d.Draw()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []color.RGBA{grey(0.7), grey(0.3), heat(0.4 / fullDifference)} {
		if got := places(img, want); got != 4*9 {
			t.Errorf("%d pixels of %v, want 36", got, want)
		}
	}
	c.Input = c.Input[1:]
	for name, broken := range map[string]Digits{"size": {Blocks: []DigitBlock{{"normal", []DigitCase{c}}}}, "empty": {Blocks: d.Blocks[1:2]}} {
		if _, err := broken.Draw(); !errors.Is(err, ErrShape) && !errors.Is(err, ErrEmpty) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSamplesInTwoAndThreeDimensions(t *testing.T) {
	flat, solid := filled(digitPixels, 0, 5, 0.3), filled(nodule.PatchVoxels, 0, mid, 0.3)
	many := func(v []float32, n int) (out [][]float32) {
		for range n {
			out = append(out, v)
		}
		return out
	}
	img := picture(t, Samples{Images: many(flat, 20)}, 20+8*84+7*3, 20+1+3*88-1+21)
	if got := places(img, special); got != 20*9 {
		t.Errorf("2D: %d pixels, want 180", got)
	}
	img, err := Samples{Images: many(solid, 4)}.Draw()
	if err != nil || places(img, special) != 4*3*9 {
		t.Errorf("3D: %d pixels, want 108 (%v)", places(img, special), err)
	}
	hidden, err := Samples{Images: many(solid, 4), Support: filled(nodule.PatchVoxels, 1, mid, 0)}.Draw()
	if err != nil || places(hidden, special) != 0 || places(hidden, uncounted) != 4*3*9 {
		t.Errorf("outside the support: %d pixels of the voxel, %d left out (%v)", places(hidden, special), places(hidden, uncounted), err)
	}
	for _, test := range []struct {
		steps [][]float32
		rows  int
	}{{many(flat, 7), 1}, {many(solid, 7), 3}} {
		img, err := Interpolation{Title: "z0 to z1", Steps: test.steps}.Draw()
		if err != nil || places(img, special) != 7*test.rows*9 {
			t.Errorf("interpolation: %d pixels in %d rows (%v)", places(img, special), test.rows, err)
		}
	}
	for name, p := range map[string]Picture{
		"no samples": Samples{}, "two sizes": Samples{Images: [][]float32{flat, solid}}, "another size": Samples{Images: [][]float32{make([]float32, 9)}},
		"support": Samples{Images: many(flat, 1), Support: solid}, "one end": Interpolation{Steps: many(flat, 1)},
		"NaN": Interpolation{Steps: many(filled(digitPixels, 0, 5, float32(math.NaN())), 2)}, "no steps": Interpolation{},
	} {
		if _, err := p.Draw(); !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrShape) && !errors.Is(err, ErrNotFinite) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMontageShows25Slices(t *testing.T) {
	voxels := make([]float32, nodule.PatchVoxels)
	for z := range size {
		voxels[(z*size+centre)*size+centre] = 0.3
	}
	m := Montage{Title: "25 slices", Voxels: voxels}
	img := picture(t, m, 20+5*112+4*3, 20+19+5*(112+4+17)+21)
	if got := places(img, special); got != 25*16 {
		t.Errorf("%d pixels, want 16 in each of 25 slices", got)
	}
	m.Support = make([]float32, nodule.PatchVoxels)
	m.Support[mid], m.Support[3] = 1, 1 // the other is in slice 0, which is not shown
	with, err := m.Draw()
	if err != nil || places(with, special) != 25*16-12 {
		t.Errorf("the outline takes %d pixels, want 12 (%v)", 25*16-places(with, special), err)
	}
	m.Support = m.Support[1:]
	if _, err := m.Draw(); !errors.Is(err, ErrShape) {
		t.Errorf("support of another size: %v", err)
	}
	if _, err := (Montage{}).Draw(); !errors.Is(err, ErrShape) {
		t.Errorf("no voxels: %v", err)
	}
}
