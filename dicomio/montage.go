package dicomio

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"image"
	"math"
)

// Look at the pixels of a whole series.
const (
	montageTiles  = 24  // slices shown, evenly spaced
	montageAcross = 6   // in a row
	montageSide   = 160 // pixels of a tile
	montageLow    = -1350.0
	montageHigh   = 150.0 // the lung window: centre -600, width 1500
)

// Pixels is what the pixels of a series are.
type Pixels struct {
	MinHU, MaxHU float64
	PaddingPct   float64
	Digest       string      // "sha256:" and the hex SHA-256 of all HU as little-endian float32, slice by slice
	Montage      *image.Gray // slices in scan order, in the lung window; nil unless it was asked for
}

// LookAtPixels decodes every slice, one at a time. Its errors are those of HU.
func (s *Series) LookAtPixels(ctx context.Context, montage bool) (*Pixels, error) {
	p := &Pixels{MinHU: math.Inf(1), MaxHU: math.Inf(-1)}
	n := len(s.Slices)
	tiles := min(montageTiles, n)
	if montage {
		p.Montage = image.NewGray(image.Rect(0, 0, montageAcross*montageSide, (tiles+montageAcross-1)/montageAcross*montageSide))
	}
	sum, padding, tile := sha256.New(), 0, 0
	var b Block
	for z := range n {
		if err := s.HUInto(ctx, z, 1, &b); err != nil {
			return nil, err
		}
		for i, v := range b.HU {
			p.MinHU, p.MaxHU = min(p.MinHU, float64(v)), max(p.MaxHU, float64(v))
			if b.Padding[i] {
				padding++
			}
		}
		addHU(sum, b.HU)
		if montage && tile < tiles && z >= tile*n/tiles {
			s.drawTile(p.Montage, &b, tile%montageAcross*montageSide, tile/montageAcross*montageSide)
			tile++
		}
	}
	p.PaddingPct = 100 * float64(padding) / float64(n*b.Rows*b.Cols)
	p.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return p, nil
}

func addHU(sum hash.Hash, hu []float32) {
	buf := make([]byte, 0, 4*len(hu))
	for _, v := range hu {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	sum.Write(buf)
}

// drawTile draws a slice in its true proportions, by its nearest pixels.
func (s *Series) drawTile(to *image.Gray, b *Block, left, top int) {
	dy, dx := s.Geometry.SpacingMM[1], s.Geometry.SpacingMM[2]
	scale := max(float64(b.Rows)*dy, float64(b.Cols)*dx) / montageSide // mm a pixel
	for y := range montageSide {
		for x := range montageSide {
			row, col := int((float64(y)+0.5)*scale/dy), int((float64(x)+0.5)*scale/dx)
			if row >= b.Rows || col >= b.Cols {
				continue
			}
			v := (float64(b.HU[row*b.Cols+col]) - montageLow) / (montageHigh - montageLow)
			to.Pix[to.PixOffset(left+x, top+y)] = uint8(255 * max(0, min(v, 1)))
		}
	}
}

// String is a line for people.
func (p *Pixels) String() string {
	return fmt.Sprintf("%.0f to %.0f HU, %.1f %% padding", p.MinHU, p.MaxHU, p.PaddingPct)
}
