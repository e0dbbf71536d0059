package dicomio_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jpfielding/jpegs/pkg/compress/jpegli"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

func decode(t *testing.T, s *dicomio.Series, first, count int) *dicomio.Block {
	t.Helper()
	b, err := s.HU(context.Background(), first, count)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// losslessJPEG compresses 16-bit pixels with another implementation.
func losslessJPEG(rows, cols, predictor int) func([]byte) [][]byte {
	return func(raw []byte) [][]byte {
		img := image.NewGray16(image.Rect(0, 0, cols, rows))
		for i := 0; i < len(raw); i += 2 {
			img.Pix[i], img.Pix[i+1] = raw[i+1], raw[i]
		}
		var b bytes.Buffer
		if err := jpegli.Encode(&b, img, &jpegli.Options{Predictor: predictor}); err != nil {
			panic(err)
		}
		half := b.Len() / 4 * 2 // fragments have even length
		return [][]byte{b.Bytes()[:half], b.Bytes()[half:]}
	}
}

func syntaxes(rows, cols int) map[string]dicomtest.Spec {
	return map[string]dicomtest.Spec{
		"implicit":      {Syntax: dicomtest.Implicit},
		"explicit":      {Syntax: dicomtest.Explicit},
		"big endian":    {Syntax: dicomtest.BigEndian},
		"deflated":      {Syntax: dicomtest.Deflated},
		"RLE":           {Syntax: dicomtest.RLE},
		"JPEG lossless": {Syntax: "1.2.840.10008.1.2.4.70", Fragments: losslessJPEG(rows, cols, 1)},
		"no meta, LE":   {Syntax: dicomtest.Explicit, NoMeta: true},
		"no meta, impl": {Syntax: dicomtest.Implicit, NoMeta: true},
		"no meta, BE":   {Syntax: dicomtest.BigEndian, NoMeta: true},
	}
}

// TestHUInEverySyntax: stored values, formats and syntaxes against HU computed
// here from the values that were written.
func TestHUInEverySyntax(t *testing.T) {
	formats := map[string]dicomtest.Spec{
		"signed 16":   {Slope: 1, Intercept: -1024},
		"unsigned 16": {Unsigned: true, Slope: 2.5, Intercept: -1000.25},
		"signed 12":   {Bits: 12, Slope: 0.1, Intercept: 0.3},
		"unsigned 12": {Unsigned: true, Bits: 12, Intercept: -1024},
		"high bit 15": {Unsigned: true, Bits: 12, HighBit: 15},
		"signed 12 h": {Bits: 12, HighBit: 13, Intercept: -5},
	}
	const rows, cols = 12, 17
	for syntax, base := range syntaxes(rows, cols) {
		for format, f := range formats {
			f.Syntax, f.Fragments, f.NoMeta, f.Rows, f.Cols = base.Syntax, base.Fragments, base.NoMeta, rows, cols
			f.Stored = func(z, y, x int) int {
				return (z*611+y*97+x*13+x*y*y)%1200 - map[bool]int{false: 700, true: 0}[f.Unsigned]
			}
			b := decode(t, open(t, f), 1, 3)
			slope := f.Slope
			if slope == 0 {
				slope = 1
			}
			for i, got := range b.HU {
				z, y, x := i/(rows*cols)+1, i/cols%rows, i%cols
				if want := float32(float64(float64(f.Stored(z, y, x))*slope) + f.Intercept); got != want {
					t.Fatalf("%s, %s: voxel %d,%d,%d is %v, want %v", syntax, format, z, y, x, got, want)
				}
			}
		}
	}
}

func TestEightBits(t *testing.T) {
	for _, syntax := range []string{dicomtest.Explicit, dicomtest.Implicit, dicomtest.RLE} {
		b := decode(t, open(t, dicomtest.Spec{Bits: 8, Unsigned: true, Rows: 5, Cols: 5, Syntax: syntax, Stored: func(z, y, x int) int { return 40*z + 5*y + x }}), 2, 1)
		if b.HU[0] != 80 || b.HU[24] != 104 {
			t.Errorf("%s: %v", syntax, b.HU)
		}
	}
}

// TestBitsAboveStoredAreIgnored: overlays once lived there.
func TestBitsAboveStoredAreIgnored(t *testing.T) {
	s := open(t, dicomtest.Spec{Bits: 12, Edit: func(_ int, set dicomtest.Elements) {
		words := set[0x7FE00010].Value.([]uint16)
		for i := range words {
			words[i] |= 0x7000
		}
	}})
	if b := decode(t, s, 0, 1); b.HU[0] != -500 || b.HU[17] != -489 {
		t.Errorf("got %v and %v", b.HU[0], b.HU[17])
	}
}

func TestPaddingValue(t *testing.T) {
	at := func(v int) *int { return &v }
	for name, c := range map[string]struct {
		spec dicomtest.Spec
		want int
	}{
		"none":                 {dicomtest.Spec{}, 0},
		"signed":               {dicomtest.Spec{Padding: at(-2000)}, 16},
		"signed as unsigned":   {dicomtest.Spec{Padding: at(-2000), Edit: asUS}, 16},
		"range":                {dicomtest.Spec{Padding: at(-2000), PadLimit: at(-1999)}, 32},
		"range, other way":     {dicomtest.Spec{Padding: at(-1999), PadLimit: at(-2000)}, 32},
		"not there":            {dicomtest.Spec{Padding: at(-1500)}, 0},
		"implicit":             {dicomtest.Spec{Padding: at(-2000), Syntax: dicomtest.Implicit}, 16},
		"big endian":           {dicomtest.Spec{Padding: at(-2000), Syntax: dicomtest.BigEndian}, 16},
		"beyond BitsStored":    {dicomtest.Spec{Padding: at(-32768), Bits: 12}, 0},
		"12 bits":              {dicomtest.Spec{Padding: at(-2000), Bits: 12}, 16},
		"unsigned, would wrap": {dicomtest.Spec{Padding: at(63536), Unsigned: true, Bits: 12}, 0},
	} {
		c.spec.Stored = func(_, y, x int) int {
			switch {
			case y == 3:
				return -2000
			case y == 4:
				return -1999
			}
			return x * y
		}
		b := decode(t, open(t, c.spec), 0, 1)
		n := 0
		for _, p := range b.Padding {
			if p {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%s: %d voxels are padding, want %d", name, n, c.want)
		}
	}
}

func asUS(_ int, set dicomtest.Elements) {
	e := set[0x00280120]
	e.VR = "US"
	set[0x00280120] = e
}

// TestFieldOfView: what is masked of a constant outside a circle.
func TestFieldOfView(t *testing.T) {
	const n = 64
	inside := func(y, x int, r float64) bool { return math.Hypot(float64(y)-31.5, float64(x)-31.5) <= r }
	circle := func(out, in func(y, x int) int) func(int, int, int) int {
		return func(_, y, x int) int {
			if inside(y, x, 32.4) {
				return in(y, x)
			}
			return out(y, x)
		}
	}
	value := func(v int) func(int, int) int { return func(int, int) int { return v } }
	noise := func(y, x int) int { return -1000 + (y*31+x*17)%40 }
	outside := 0
	for y := range n {
		for x := range n {
			if !inside(y, x, 33) {
				outside++
			}
		}
	}
	for name, c := range map[string]struct {
		stored   func(z, y, x int) int
		min, max int
	}{
		"mark below air":           {circle(value(-2048), noise), outside, outside + 200},
		"mark, small field":        {func(_, y, x int) int { return map[bool]int{true: noise(y, x), false: -3024}[inside(y, x, 20)] }, n*n - 1300, n*n - 1200},
		"air value, noise inside":  {circle(value(-1024), noise), outside, outside},
		"clamped air everywhere":   {func(_, y, x int) int { return map[bool]int{true: 40, false: -1024}[inside(y, x, 20)] }, 0, 0},
		"tissue in a corner":       {circle(func(y, x int) int { return map[bool]int{true: 30, false: -2048}[y+x < 2] }, noise), 0, 0},
		"noise outside":            {circle(noise, noise), 0, 0},
		"constant above air":       {circle(value(-900), noise), 0, 0},
		"constant image of air":    {func(_, _, _ int) int { return -1000 }, 0, 0},
		"half of the rest differs": {circle(func(y, x int) int { return map[bool]int{true: -2048, false: -1990}[x < 32 || y%63 == 0] }, noise), 0, 0},
	} {
		s := open(t, dicomtest.Spec{Rows: n, Cols: n, Stored: c.stored})
		got := 0
		for i, p := range decode(t, s, 0, 1).Padding {
			if p {
				got++
				if name != "mark, small field" && inside(i/n, i%n, 31) {
					t.Errorf("%s: voxel %d inside the field is masked", name, i)
				}
			}
		}
		if got < c.min || got > c.max {
			t.Errorf("%s: %d voxels are masked, want %d to %d", name, got, c.min, c.max)
		}
	}
}

func TestHUIntoUsesMemoryAgain(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 6, Padding: new(int)})
	var b dicomio.Block
	ctx := context.Background()
	if err := s.HUInto(ctx, 0, 6, &b); err != nil {
		t.Fatal(err)
	}
	memory := &b.HU[0]
	for i := range b.Padding {
		b.Padding[i] = true
	}
	if err := s.HUInto(ctx, 2, 3, &b); err != nil {
		t.Fatal(err)
	}
	if &b.HU[0] != memory {
		t.Error("a smaller block has new memory")
	}
	if d := cmp.Diff(decode(t, s, 2, 3), &b); d != "" {
		t.Errorf("a block used again differs\n%s", d)
	}
}

func TestHUOfManyAtOnce(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 8, Syntax: dicomtest.Deflated})
	want := decode(t, s, 0, 8)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			b, err := s.HU(context.Background(), i, 1)
			if err != nil || !cmp.Equal(b.HU, want.HU[i*256:][:256]) {
				t.Errorf("slice %d differs (%v)", i, err)
			}
		})
	}
	wg.Wait()
}

func TestHURange(t *testing.T) {
	s := open(t, dicomtest.Spec{})
	for _, r := range [][2]int{{-1, 1}, {0, 0}, {0, 5}, {4, 1}, {1, math.MaxInt}, {math.MaxInt, 1}} {
		if _, err := s.HU(context.Background(), r[0], r[1]); err == nil {
			t.Errorf("slices %v of 4 are decoded", r)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.HU(ctx, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	made := &dicomio.Series{Slices: make([]dicomio.Slice, 1), Geometry: dicomio.Geometry{Rows: 4, Cols: 4}}
	if _, err := made.HU(context.Background(), 0, 1); dicomio.CodeOf(err) != dicomio.CodeSizeMismatch {
		t.Errorf("a slice that was not opened: %v", err)
	}
}

// TestDamagedPixels: damage that only decoding can see.
func TestDamagedPixels(t *testing.T) {
	jpeg := losslessJPEG(16, 16, 1)
	for name, c := range map[string]struct {
		spec dicomtest.Spec
		want dicomio.Code
	}{
		"RLE file cut": {dicomtest.Spec{Syntax: dicomtest.RLE, Truncate: []int{0, 1, 2, 3}}, dicomio.CodeTruncated},
		"deflate cut":  {dicomtest.Spec{Syntax: dicomtest.Deflated, Truncate: []int{0, 1, 2, 3}, Rows: 128, Cols: 128, Stored: func(z, y, x int) int { return z ^ y*x*x*x*2654435761>>7 }}, dicomio.CodeTruncated},
		"RLE code cut": {fragments(dicomtest.RLE, func([]byte) [][]byte {
			return [][]byte{append([]byte{2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0}, make([]byte, 60)...)}
		}), dicomio.CodeTruncated},
		"RLE segments":      {fragments(dicomtest.RLE, func([]byte) [][]byte { return [][]byte{append([]byte{3}, make([]byte, 99)...)} }), dicomio.CodeSizeMismatch},
		"RLE offsets":       {fragments(dicomtest.RLE, func([]byte) [][]byte { return [][]byte{append([]byte{2, 0, 0, 0, 200}, make([]byte, 99)...)} }), dicomio.CodeUnreadable},
		"RLE header":        {fragments(dicomtest.RLE, func([]byte) [][]byte { return [][]byte{make([]byte, 10)} }), dicomio.CodeTruncated},
		"no fragment":       {fragments(dicomtest.RLE, func([]byte) [][]byte { return nil }), dicomio.CodeNoPixelData},
		"too large code":    {fragments(dicomtest.RLE, func([]byte) [][]byte { return [][]byte{make([]byte, 1<<17)} }), dicomio.CodeSizeMismatch},
		"JPEG cut":          {fragments("1.2.840.10008.1.2.4.70", func(raw []byte) [][]byte { return jpeg(raw)[:1] }), dicomio.CodeTruncated},
		"JPEG without end":  {fragments("1.2.840.10008.1.2.4.70", func(raw []byte) [][]byte { b := bytes.Join(jpeg(raw), nil); return [][]byte{b[:len(b)-8]} }), dicomio.CodeTruncated},
		"JPEG other size":   {fragments("1.2.840.10008.1.2.4.70", losslessJPEG(8, 32, 1)), dicomio.CodeSizeMismatch},
		"JPEG baseline":     {fragments("1.2.840.10008.1.2.4.70", func([]byte) [][]byte { return [][]byte{{0xFF, 0xD8, 0xFF, 0xC0, 0, 4, 0, 0}} }), dicomio.CodePixelFormat},
		"JPEG is something": {fragments("1.2.840.10008.1.2.4.70", func([]byte) [][]byte { return [][]byte{[]byte("GIF89a")} }), dicomio.CodeUnreadable},
	} {
		s := open(t, c.spec)
		_, err := s.HU(context.Background(), 0, 1)
		if dicomio.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), s.Slices[0].Path) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
}

// fragments puts f's fragments under a syntax, RLE too.
func fragments(syntax string, f func([]byte) [][]byte) dicomtest.Spec {
	return dicomtest.Spec{Syntax: syntax, Fragments: f, Edit: func(_ int, set dicomtest.Elements) {
		if syntax == dicomtest.RLE {
			set[0x7FE00010] = dicomtest.Element{VR: "OB", Value: f(nil)}
		}
	}}
}

func TestChangedFileIsRefused(t *testing.T) {
	s := open(t, dicomtest.Spec{})
	path := s.Slices[1].Path
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if _, err := s.HU(context.Background(), 0, 2); dicomio.CodeOf(err) != dicomio.CodeUnreadable {
		t.Errorf("changed: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.HU(context.Background(), 1, 1); dicomio.CodeOf(err) != dicomio.CodeUnreadable || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
}
