package dicomio_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// packers are ways in which other programs compress a file. Where the way is
// lossy, pixels may differ by within from what another program makes of it, or
// from what they were.
var packers = []struct {
	encode, decode string
	within         float64
	unsigned       bool  // no signed pixels
	bits           []int // of those tested; none: all
}{
	{encode: "dcmcjpls +el"},
	{encode: "dcmcjpls +el +fs 1 -ot"},
	{encode: "dcmcjpls +el +t1 5 +t2 9 +t3 30 +rs 31"},
	{encode: "dcmcjpls +en +md 1", decode: "dcmdjpls", unsigned: true},
	{encode: "dcmcjpls +en +md 3", decode: "dcmdjpls", unsigned: true},
	{encode: "dcmcjpeg +eb", decode: "dcmdjpeg", within: 1, bits: []int{8}},
	{encode: "dcmcjpeg +ee +bt +q 95", decode: "dcmdjpeg", within: 1, bits: []int{12}},
	{encode: "gdcmconv --jpegls"},
	{encode: "gdcmconv --jpegls --lossy -e 2", within: 2},
	{encode: "gdcmconv --j2k"},
	{encode: "gdcmconv --j2k --lossy -r 8", decode: "gdcmconv --raw", within: 1},
	{encode: "gdcmconv --j2k --lossy -q 45", decode: "gdcmconv --raw", within: 1},
}

// TestCodesOfOthers: what other programs compress is read as they read it
// themselves, whatever the bits and the sign.
func TestCodesOfOthers(t *testing.T) {
	shapes := []dicomtest.Spec{{Bits: 8, Unsigned: true}, {Bits: 12, Unsigned: true}, {Bits: 15}, {Bits: 16, Unsigned: true}, {Bits: 16}}
	run := func(t *testing.T, command, from string) (to string) {
		t.Helper()
		to = t.TempDir()
		files, _ := filepath.Glob(filepath.Join(from, "*.dcm"))
		for _, file := range files {
			args := append(strings.Fields(command)[1:], file, filepath.Join(to, filepath.Base(file)))
			if out, err := exec.Command(strings.Fields(command)[0], args...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
		}
		return to
	}
	for _, c := range packers {
		t.Run(c.encode, func(t *testing.T) {
			for _, command := range []string{c.encode, c.decode} {
				if tool, _, _ := strings.Cut(command, " "); tool != "" {
					if _, err := exec.LookPath(tool); err != nil {
						t.Skipf("no %s here", tool)
					}
				}
			}
			for _, spec := range shapes {
				if c.unsigned && !spec.Unsigned || c.bits != nil && !slices.Contains(c.bits, spec.Bits) {
					continue
				}
				spec.Slices, spec.Rows, spec.Cols = 2, 75, 67
				name := fmt.Sprintf("%d bits, unsigned %v", spec.Bits, spec.Unsigned)
				low := 0
				if !spec.Unsigned {
					low = -1 << (spec.Bits - 1)
				}
				// A slope, noise, an area that is constant, and both ends of the range.
				spec.Stored = func(z, y, x int) int {
					v := (x*y*31+z*50+(x*x*7+y*y*13+x*y*5)%97*(1+y/40*900))%(1<<spec.Bits) + low
					switch {
					case x < 20 && y > 10:
						v = low + 3
					case y == 4:
						v = low + (1<<spec.Bits-1)*(x&1)
					}
					return v
				}
				from := write(t, "", spec)
				packed := run(t, c.encode, from)
				plain := from
				if c.decode != "" {
					plain = run(t, c.decode, packed)
				}
				want := decode(t, must(dicomio.OpenSeries(context.Background(), plain, "", dicomio.Options{}))(t), 0, 2)
				s, err := dicomio.OpenSeries(context.Background(), packed, "", dicomio.Options{})
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				got, err := s.HU(context.Background(), 0, 2)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				for i, v := range want.HU {
					// GDCM keeps what a lossy code makes above BitsStored.
					v = min(max(v, float32(low)), float32(low+1<<spec.Bits-1))
					d := math.Abs(float64(got.HU[i] - v))
					if spec.Bits == 16 && !spec.Unsigned {
						d = min(d, 1<<16-d) // GDCM codes a sign as the highest bit
					}
					if d > c.within {
						t.Errorf("%s: pixel %d is %v, want %v", name, i, got.HU[i], v)
						break
					}
				}
			}
		})
	}
}

// TestFragments: one image is the same in every code, in any number of
// fragments.
func TestFragments(t *testing.T) {
	var want *dicomio.Block
	for _, c := range []struct{ syntax, file string }{
		{"1.2.840.10008.1.2.4.90", "j2k_12.j2k"},
		{"1.2.840.10008.1.2.4.91", "j2k_layers.j2k"},
		{"1.2.840.10008.1.2.4.201", "j2k_ht_12.jph"},
		{"1.2.840.10008.1.2.4.202", "j2k_ht_12.jph"},
		{"1.2.840.10008.1.2.4.203", "j2k_ht_12.jph"},
	} {
		code, err := os.ReadFile(filepath.Join("codec", "testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		for name, split := range map[string][][]byte{
			"one": {code}, "many": {code[:2], code[2:4], {}, code[4:102], code[102:]},
		} {
			dir := write(t, "", dicomtest.Spec{
				Rows: 37, Cols: 45, Bits: 12, Unsigned: true, Slices: 2, Syntax: c.syntax,
				Fragments: func([]byte) [][]byte { return split },
			})
			got := decode(t, must(dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{}))(t), 0, 2)
			if want == nil {
				want = got
			}
			if !cmp.Equal(got, want) {
				t.Errorf("%s, %s fragments: pixels differ", c.syntax, name)
			}
		}
	}
}
