package j2k

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// encodings are of every way that T.814 lets passes, layers and sets be.
var encodings = map[string]encoding{
	"cleanup":                {width: 61, height: 83, precision: 12, levels: 3, sets: []htPasses{{0, []int{0}}}},
	"propagated":             {width: 61, height: 83, precision: 12, levels: 3, sets: []htPasses{{3, []int{0, 0}}}},
	"refined":                {width: 61, height: 83, precision: 12, levels: 3, sets: []htPasses{{3, []int{0, 0, 0}}}},
	"refined by one plane":   {width: 130, height: 70, precision: 12, levels: 2, sets: []htPasses{{1, []int{0, 0, 0}}}},
	"refined, few left":      {width: 130, height: 70, precision: 16, signed: true, levels: 2, sets: []htPasses{{9, []int{0, 0, 0}}}},
	"causal":                 {width: 64, height: 67, precision: 12, levels: 1, causal: true, sets: []htPasses{{4, []int{0, 0, 0}}}},
	"small blocks":           {width: 45, height: 37, precision: 8, levels: 2, xcb: 2, ycb: 3, sets: []htPasses{{2, []int{0, 0, 0}}}},
	"wide blocks":            {width: 300, height: 21, precision: 12, levels: 1, xcb: 10, ycb: 2, sets: []htPasses{{3, []int{0, 0, 0}}}},
	"high blocks":            {width: 21, height: 300, precision: 12, levels: 1, xcb: 2, ycb: 10, sets: []htPasses{{3, []int{0, 0, 0}}}},
	"precincts":              {width: 150, height: 131, precision: 12, levels: 2, precincts: []byte{0x44, 0x55, 0x66}, progression: 1, sets: []htPasses{{2, []int{0, 0, 0}}}},
	"an offset":              {width: 61, height: 83, x0: 7, y0: 5, precision: 12, levels: 3, sets: []htPasses{{3, []int{0, 0, 0}}}},
	"one row":                {width: 61, height: 1, precision: 12, levels: 0, sets: []htPasses{{2, []int{0, 0, 0}}}},
	"one column":             {width: 1, height: 61, precision: 12, levels: 0, sets: []htPasses{{2, []int{0, 0, 0}}}},
	"signed":                 {width: 61, height: 83, precision: 16, signed: true, levels: 5, sets: []htPasses{{4, []int{0, 0, 0}}}},
	"9/7":                    {width: 61, height: 83, precision: 12, levels: 3, lossy: true, step: 0.37, sets: []htPasses{{0, []int{0}}}},
	"9/7 refined":            {width: 161, height: 83, precision: 12, levels: 3, lossy: true, step: 0.21, sets: []htPasses{{4, []int{0, 0, 0}}}},
	"9/7 propagated, large":  {width: 261, height: 283, precision: 16, levels: 5, lossy: true, step: 1, sets: []htPasses{{3, []int{0, 0}}}},
	"layers":                 {width: 61, height: 83, precision: 12, levels: 3, layers: 3, sets: []htPasses{{3, []int{0, 1, 2}}}},
	"layers by resolution":   {width: 61, height: 83, precision: 12, levels: 3, layers: 2, progression: 1, sets: []htPasses{{3, []int{0, 1, 1}}}},
	"an empty layer":         {width: 61, height: 83, precision: 12, levels: 3, layers: 4, sets: []htPasses{{3, []int{1, 1, 3}}}},
	"empty sets":             {width: 61, height: 83, precision: 12, levels: 3, empty: []int{0, 0, 0}, sets: []htPasses{{2, []int{0, 0, 0}}}},
	"empty sets, layers":     {width: 61, height: 83, precision: 12, levels: 3, layers: 2, empty: []int{0, 0, 0}, sets: []htPasses{{2, []int{0, 1, 1}}}},
	"empty sets in a layer":  {width: 61, height: 83, precision: 12, levels: 3, layers: 2, empty: []int{0, 0, 0}, sets: []htPasses{{2, []int{1, 1, 1}}}},
	"empty passes in layers": {width: 61, height: 83, precision: 12, levels: 3, layers: 4, empty: []int{0, 0, 1}, sets: []htPasses{{2, []int{2, 3, 3}}}},
	"several sets": {width: 61, height: 83, precision: 12, levels: 3, layers: 3,
		sets: []htPasses{{2, []int{0, 0, 0}}, {1, []int{1, 1, 1}}, {0, []int{2}}}},
	"several sets, the last refined": {width: 61, height: 83, precision: 12, levels: 3, layers: 3,
		sets: []htPasses{{3, []int{0}}, {2, []int{1, 1, 2}}}},
}

func (e *encoding) complete() {
	if e.xcb == 0 {
		e.xcb, e.ycb = 6, 6
	}
	e.layers = max(e.layers, 1)
}

// picture is smooth, with noise and edges.
func (e *encoding) picture() []int32 {
	px := make([]int32, e.width*e.height)
	most := int32(1)<<e.precision - 1
	seed := uint32(1)
	for i := range px {
		x, y := int32(i%e.width), int32(i/e.width)
		seed = seed*1664525 + 1013904223
		v := most/2 + (x*x+2*y*y-3*x*y)*most>>13 + int32(seed>>24)*most>>13
		if x/9%4 == 1 && y > 10 {
			v = most * (y / 7 & 1)
		}
		if x > y && (x+y)%50 < 20 {
			v = most / 3
		}
		px[i] = min(max(v, 0), most)
		if e.signed {
			px[i] -= most/2 + 1
		}
	}
	return px
}

// TestRefined: every coefficient is what the passes of an encoder of our own tell of
// it, and a part of an image is what the whole has there. With NODULESCOPE_HTJ2K the
// streams are written to that folder, with what is decoded of each, for
// docs/peer/htj2k_decoders.mjs.
func TestRefined(t *testing.T) {
	for name, e := range encodings {
		e.complete()
		px := e.picture()
		code := e.encode(px)
		m, err := Open(code, accept)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := m.Region(m.Bounds())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e.check(t, name, &m.tiles[0])
		if last := e.sets[len(e.sets)-1]; last.above == 0 && !e.lossy {
			for i, v := range px {
				if got[i] != v {
					t.Fatalf("%s is lossless: pixel %d is %d, want %d", name, i, got[i], v)
				}
			}
		}
		checkRegions(t, name, code, 30)
		if dir := os.Getenv("NODULESCOPE_HTJ2K"); dir != "" {
			raw := make([]byte, 0, 2*len(got))
			for _, v := range got {
				raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
			}
			for ext, b := range map[string][]byte{".j2c": code, ".raw": raw} {
				if err := os.WriteFile(filepath.Join(dir, strings.NewReplacer(" ", "_", "/", "_", ",", "").Replace(name)+ext), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestOwnStreams: the streams of testdata that no other encoder makes are those of
// the one here, of the image of another one.
func TestOwnStreams(t *testing.T) {
	same, err := os.ReadFile("../../testdata/j2k_ht_12.jph")
	if err != nil {
		t.Fatal(err)
	}
	px, err := decode(same, accept)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]encoding{
		"j2k_ht_refined.jph": {sets: []htPasses{{2, []int{0, 0, 0}}}, causal: true},
		"j2k_ht_sets.jph":    {layers: 4, sets: []htPasses{{2, []int{0, 1, 1}}, {1, []int{2}}, {0, []int{3}}}, empty: []int{0, 0, 0, 0, 0, 0}},
	} {
		e.width, e.height, e.precision, e.levels = 45, 37, 12, 2
		e.complete()
		code := e.encode(px)
		if dir := os.Getenv("NODULESCOPE_HTJ2K"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name), code, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile("../../testdata/" + name); err != nil || !bytes.Equal(code, want) {
			t.Errorf("%s: %d bytes, want %d, %v", name, len(code), len(want), err)
		}
	}
}

// TestRefinesNothing: passes without what they would refine are damage.
func TestRefinesNothing(t *testing.T) {
	e := htEncoder{width: 2, height: 2, mag: []uint32{1, 0, 0, 1}, negative: make([]bool, 4)}
	k := &block{codewords: []codeword{{passes: 1, data: e.cleanup(0)}, {passes: 1, data: []byte{0}}}}
	var h htDecoder
	for planes, want := range map[int]error{1: ErrBroken, 2: nil} {
		if err := h.decode(k, make([]int32, 4), 2, 2, planes, 4, false); !errors.Is(err, want) {
			t.Errorf("%d bit-planes: %v, want %v", planes, err, want)
		}
	}
	empty := &block{passes: 4, lengthBits: 3, codewords: make([]codeword, 2)} // the second set has no cleanup pass
	if err := empty.throughput(&headerBits{code: []byte{0xF0}}, 1, false); !errors.Is(err, ErrBroken) {
		t.Errorf("without a cleanup pass: %v", err)
	}
}

// check holds the coefficients of a tile against what the encoder told of them.
func (e *encoding) check(t *testing.T, name string, got *tile) {
	t.Helper()
	for r := range got.levels {
		for i := range got.levels[r].bands {
			b := &got.levels[r].bands[i]
			for k, v := range e.want[&e.tile.levels[r].bands[i]] {
				if b.whole != nil && v/2 != b.whole[k] || b.real != nil && float32(v)*0.5*b.step != b.real[k] {
					t.Fatalf("%s: resolution %d, band %d: coefficient %d of twice %d", name, r, b.kind, k, v)
				}
			}
		}
	}
}
