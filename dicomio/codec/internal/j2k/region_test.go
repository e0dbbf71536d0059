package j2k

import (
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestRegions: a part of an image is to the bit what the whole image has there,
// also where other parts were decoded before it.
func TestRegions(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/j2k_*")
	if err != nil || len(paths) < 14 {
		t.Fatalf("%d streams, %v", len(paths), err)
	}
	for _, path := range paths {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkRegions(t, filepath.Base(path), code, 200)
	}
}

func checkRegions(t *testing.T, name string, code []byte, n int) {
	t.Helper()
	want, err := decode(code, accept)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var m *Image
	for i := range n {
		if i%5 == 0 {
			if m, err = Open(code, accept); err != nil {
				t.Fatal(err)
			}
		}
		x, y := rng.IntN(m.Cols), rng.IntN(m.Rows)
		r := image.Rect(x, y, x+1+rng.IntN(m.Cols-x), y+1+rng.IntN(m.Rows-y))
		if i%7 == 0 {
			r = image.Rect(x, y, x+1, y+1)
		}
		got, err := m.Region(r)
		if err != nil || len(got) != r.Dx()*r.Dy() {
			t.Fatalf("%s, %v: %d pixels, %v", name, r, len(got), err)
		}
		for k, v := range got {
			x, y := r.Min.X+k%r.Dx(), r.Min.Y+k/r.Dx()
			if w := want[y*m.Cols+x]; v != w {
				t.Fatalf("%s, %v: pixel %d, %d is %d, in the whole image %d", name, r, x, y, v, w)
			}
		}
	}
}

// TestRegionIsLessWork: a small part leaves most code-blocks as they are, and those
// that it needs are decoded once.
func TestRegionIsLessWork(t *testing.T) {
	code, err := os.ReadFile("../../testdata/j2k_tiles_lrcp.j2k")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(code, accept)
	if err != nil {
		t.Fatal(err)
	}
	count := func() (decoded, all int) {
		for i := range m.tiles {
			for r := range m.tiles[i].levels {
				for _, p := range m.tiles[i].levels[r].precincts {
					for _, q := range p.parts {
						for _, k := range q.blocks {
							if k.passes > 0 {
								all++
							}
							if k.decoded {
								decoded++
							}
						}
					}
				}
			}
		}
		return decoded, all
	}
	if _, err := m.Region(image.Rect(0, 0, 4, 4)); err != nil {
		t.Fatal(err)
	}
	some, _ := count()
	if _, err := m.Region(m.Bounds()); err != nil {
		t.Fatal(err)
	}
	every, all := count()
	if some == 0 || 4*some > every || every != all {
		t.Errorf("%d code-blocks of 16 pixels, %d of the image, which has %d", some, every, all)
	}
}

// TestRegionOutside: what is asked of no image is a mistake of who asks.
func TestRegionOutside(t *testing.T) {
	m, err := Open(stream(t), accept)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_, _ = m.Region(image.Rect(0, 0, m.Cols+1, 1))
}
