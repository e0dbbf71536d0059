package figure

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"

	"github.com/nodulescope/nodulescope/nodule"
)

// Sizes in pixels of the picture.
const (
	scale   = 7 // of a voxel
	tile    = scale * nodule.PatchSize
	gap     = 6
	margin  = 10
	rowHead = 70 // width of the names of planes
	line    = 16 // height of a line of text
)

var (
	background = color.RGBA{18, 20, 24, 255}
	uncounted  = color.RGBA{34, 42, 58, 255} // voxels outside the support, or without data
	ink        = color.RGBA{225, 228, 232, 255}
	dim        = color.RGBA{150, 156, 166, 255}
	outline    = color.RGBA{80, 200, 220, 255}
	noduleLine = color.RGBA{255, 190, 60, 255}
)

// Panel is the picture of one nodule and one detector.
type Panel struct {
	Title string   // first line; ASCII, as all text
	Lines []string // below it

	Scan           []float32 // [28,28,28] 0..1, below 0 where there is no data, see [Scan]; nil leaves the column out
	Nodule         []bool    // [28,28,28] the voxels of Scan that are the nodule's; nil: no outline is drawn
	Patch          nodule.Patch
	Reconstruction []float32 // [28,28,28] 0..1
}

// Scan is the centre of a cube as a panel shows it: [28,28,28], the HU window
// of patches as 0..1, and -1 where the scan has no data.
func Scan(cube *nodule.Cube) []float32 {
	const first = (nodule.CubeSize - nodule.PatchSize) / 2
	out := make([]float32, 0, nodule.PatchVoxels)
	for z := range nodule.PatchSize {
		for y := range nodule.PatchSize {
			at := ((z+first)*nodule.CubeSize+y+first)*nodule.CubeSize + first
			for i := at; i < at+nodule.PatchSize; i++ {
				v := float32(-1)
				if cube.Valid[i] {
					v = min(max((cube.HU[i]-nodule.WindowLow)/(nodule.WindowHigh-nodule.WindowLow), 0), 1)
				}
				out = append(out, v)
			}
		}
	}
	return out
}

// Draw makes the picture. It refuses arrays of another size than 28³.
func (p Panel) Draw() (*image.RGBA, error) {
	for name, voxels := range map[string]int{
		"patch": len(p.Patch.Voxels), "support": len(p.Patch.Support), "reconstruction": len(p.Reconstruction), "scan": len(p.Scan), "nodule": len(p.Nodule),
	} {
		if voxels != nodule.PatchVoxels && !(name == "scan" && p.Scan == nil) && !(name == "nodule" && p.Nodule == nil) {
			return nil, fmt.Errorf("figure: draw panel: %s has %d voxels, not %d", name, voxels, nodule.PatchVoxels)
		}
	}
	columns := p.columns()
	top := margin + line*(1+len(p.Lines)) + gap + line // of the first tile
	width := margin + rowHead + len(columns)*(tile+gap) - gap + margin
	foot := top + len(planes)*(tile+gap)
	img := image.NewRGBA(image.Rect(0, 0, width, foot+2*line+margin))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)

	write(img, margin, margin, ink, p.Title)
	for i, text := range p.Lines {
		write(img, margin, margin+line*(1+i), dim, text)
	}
	for r, plane := range planes {
		y := top + r*(tile+gap)
		write(img, margin, y+tile/2-line/2, ink, plane.name)
		for c, column := range columns {
			x := margin + rowHead + c*(tile+gap)
			if r == 0 {
				write(img, x, top-line, ink, column.name)
			}
			column.drawTile(img, x, y, plane)
		}
	}
	p.legend(img, margin+rowHead, foot, len(columns))
	return img, nil
}

// WritePNG writes the picture as PNG.
func (p Panel) WritePNG(w io.Writer) error {
	img, err := p.Draw()
	if err != nil {
		return err
	}
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("figure: write PNG: %w", err)
	}
	return nil
}

// legend explains the greys, the colours and the outlines.
func (p Panel) legend(img *image.RGBA, x, y, columns int) {
	low, high := fmt.Sprintf("%d ", int(nodule.WindowLow)), fmt.Sprintf(" %d HU", int(nodule.WindowHigh))
	write(img, x, y, dim, low)
	bar(img, x+7*len(low), y+3, 80, grey)
	write(img, x+7*len(low)+80, y, dim, high)
	if p.Scan != nil {
		const text = "outline: voxels that are scored"
		write(img, x, y+line, dim, text)
		if p.Nodule != nil {
			write(img, x+7*(len(text)+2), y+line, noduleLine, "the nodule")
		}
	}
	x += (columns - 1) * (tile + gap)
	write(img, x, y, dim, "0 ")
	bar(img, x+14, y+3, 80, heat)
	write(img, x+94, y, dim, fmt.Sprintf(" %d HU+", int(fullDifference*(nodule.WindowHigh-nodule.WindowLow))))
}

func bar(img *image.RGBA, x, y, width int, colour func(float32) color.RGBA) {
	for i := range width {
		fill(img, x+i, y, 1, 10, colour(float32(i)/float32(width-1)))
	}
}
