package figure

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// marked is a cube of air with one bright voxel of a patch at z, y, x.
func marked(z, y, x int) *nodule.Cube {
	c := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range c.HU {
		c.HU[i], c.Valid[i] = -1000, true
	}
	const first = (nodule.CubeSize - nodule.PatchSize) / 2
	c.HU[((z+first)*nodule.CubeSize+y+first)*nodule.CubeSize+x+first] = 400
	return c
}

func panelOf(c *nodule.Cube) Panel {
	return Panel{
		Title: "nodule-1", Lines: []string{"raw 0.0123"}, Scan: Scan(c), Patch: nodule.Central(c).Core(),
		Reconstruction: make([]float32, nodule.PatchVoxels),
	}
}

// pixel is the colour at the middle of voxel (v from the top, u from the left)
// in a tile.
func pixel(img *image.RGBA, p Panel, row, column, v, u int) color.RGBA {
	top := margin + line*(1+len(p.Lines)) + gap + line
	x := margin + rowHead + column*(tile+gap) + u*scale + scale/2
	return img.RGBAAt(x, top+row*(tile+gap)+v*scale+scale/2)
}

func TestPlanesShowThePatientAsAWorkstationDoes(t *testing.T) {
	// Left, in front of and above the centre, each on a slice through it.
	for _, test := range []struct {
		name    string
		z, y, x int
		row     int
		v, u    int
	}{
		{"axial, to the left", centre, centre, centre + 3, 0, centre, centre + 3},
		{"axial, in front", centre, centre - 3, centre, 0, centre - 3, centre},
		{"coronal, above", centre + 2, centre, centre, 1, size - 1 - centre - 2, centre},
		{"coronal, to the left", centre, centre, centre + 3, 1, size - 1 - centre, centre + 3},
		{"sagittal, above", centre + 2, centre, centre, 2, size - 1 - centre - 2, centre},
		{"sagittal, in front", centre, centre - 3, centre, 2, size - 1 - centre, centre - 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := panelOf(marked(test.z, test.y, test.x))
			img, err := p.Draw()
			if err != nil {
				t.Fatal(err)
			}
			white, black := color.RGBA{255, 255, 255, 255}, color.RGBA{0, 0, 0, 255}
			for column, want := range []color.RGBA{white, white, black, heat(1)} {
				if got := pixel(img, p, test.row, column, test.v, test.u); got != want {
					t.Errorf("column %d has colour %v at the bright voxel, want %v", column, got, want)
				}
			}
			if got := pixel(img, p, test.row, 0, test.v, test.u+1); got == white {
				t.Error("the voxel beside the bright one is white too")
			}
		})
	}
}

func TestOnlyScoredVoxelsShowBesideTheScan(t *testing.T) {
	c := marked(centre, centre, centre)
	c.Valid[((centre+2)*nodule.CubeSize+2)*nodule.CubeSize+2] = false // a corner of the axial plane
	p := panelOf(c)
	img, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if got := pixel(img, p, 0, 0, 0, 0); got != uncounted {
		t.Errorf("a voxel without data is %v in the scan", got)
	}
	if got := pixel(img, p, 0, 0, 0, 1); got != (color.RGBA{0, 0, 0, 255}) {
		t.Errorf("a voxel outside the support is %v in the scan, want air", got)
	}
	for column := 1; column < 4; column++ {
		if got := pixel(img, p, 0, column, 0, 1); got != uncounted {
			t.Errorf("a voxel outside the support is %v in column %d", got, column)
		}
	}
	p.Scan = nil
	narrow, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Bounds().Dx()-narrow.Bounds().Dx(), tile+gap; got != want {
		t.Errorf("without the scan the picture is %d pixels narrower, want %d", got, want)
	}
}

func TestOutlineSurroundsTheSupport(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, tile, tile))
	drawBorder(img, 0, 0, size, size, scale, outline, func(v, u int) bool { return v == 3 && (u == 4 || u == 5) })
	on := func(v, u, dy, dx int) bool { return img.RGBAAt(u*scale+dx, v*scale+dy) == outline }
	for name, ok := range map[string]bool{
		"left": on(3, 4, 2, 0), "right": on(3, 5, 2, scale-1), "top": on(3, 4, 0, 2), "bottom": on(3, 5, scale-1, 2),
		"not between": !on(3, 4, 2, scale-1) && !on(3, 5, 2, 0), "not elsewhere": !on(4, 4, 0, 2),
	} {
		if !ok {
			t.Errorf("outline is wrong: %s", name)
		}
	}
}

// TestNoduleIsOutlined: on the scan alone, in every plane.
func TestNoduleIsOutlined(t *testing.T) {
	p := panelOf(marked(1, 2, 3))
	p.Nodule = make([]bool, nodule.PatchVoxels)
	p.Nodule[(centre*size+centre)*size+centre] = true
	img, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	top := margin + line*(1+len(p.Lines)) + gap + line
	for row, v := range []int{centre, size - 1 - centre, size - 1 - centre} {
		for column := range 4 {
			x, y := margin+rowHead+column*(tile+gap)+centre*scale, top+row*(tile+gap)+v*scale
			if got := img.RGBAAt(x, y) == noduleLine; got != (column == 0) {
				t.Errorf("row %d, column %d: outlined %v", row, column, got)
			}
		}
	}
}

func TestScales(t *testing.T) {
	last := -1
	for i := range 101 {
		c := heat(float32(i) / 100)
		if light := 299*int(c.R) + 587*int(c.G) + 114*int(c.B); light < last {
			t.Errorf("heat gets darker at %d %%", i)
		} else {
			last = light
		}
	}
	if grey(-1) != grey(0) || grey(2) != grey(1) || heat(9) != heat(1) {
		t.Error("values outside 0..1 are not clamped")
	}
}

func TestPanelRefusesOtherSizes(t *testing.T) {
	whole := panelOf(marked(1, 2, 3))
	for name, change := range map[string]func(*Panel){
		"patch":          func(p *Panel) { p.Patch.Voxels = p.Patch.Voxels[1:] },
		"support":        func(p *Panel) { p.Patch.Support = nil },
		"reconstruction": func(p *Panel) { p.Reconstruction = nil },
		"scan":           func(p *Panel) { p.Scan = p.Scan[:27] },
		"nodule":         func(p *Panel) { p.Nodule = make([]bool, 3) },
	} {
		p := whole
		change(&p)
		err := p.WritePNG(&bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a %s of another size: error %v", name, err)
		}
	}
}

func TestPNG(t *testing.T) {
	var b bytes.Buffer
	p := panelOf(marked(centre, centre, centre))
	if err := p.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != want.Bounds() {
		t.Errorf("size %v, want %v", img.Bounds(), want.Bounds())
	}
}
