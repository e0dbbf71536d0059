package dicomio_test

import (
	"image"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// windowed are series of which windows must be what whole slices are, of n rows and
// columns: their padding depends on what lies elsewhere.
func windowed(n int) map[string]dicomtest.Spec {
	air := func(_, y, x int) int { // noise, and a circular field of view
		middle, radius := float64(n-1)/2, float64(n)/2
		if dx, dy := float64(x)-middle, float64(y)-middle; dx*dx+dy*dy > radius*radius {
			return -2000
		}
		return (40*y+x*x*7)%900 - 1000
	}
	pad := -2000
	all := map[string]dicomtest.Spec{
		"field of view": {Stored: air}, "padding": {Stored: air, Padding: &pad},
		"air at -1000": {Stored: func(z, y, x int) int { return max(air(z, y, x), -1000) }},
		"three corners": {Stored: func(z, y, x int) int {
			if y > n-3 && x > n-3 {
				return -1999
			}
			return air(z, y, x)
		}},
		"all air":      {Stored: func(z, y, x int) int { return -1024 }},
		"other corner": {Stored: func(z, y, x int) int { return (x*31+y*17+x*y)%1200 - 1000 }},
	}
	for name, spec := range all {
		spec.Rows, spec.Cols, spec.Slices = n, n, 4
		all[name] = spec
	}
	return all
}

// sameWindow compares a window of a block with that of whole slices.
func sameWindow(t *testing.T, name string, r image.Rectangle, got, want *dicomio.Block) {
	t.Helper()
	if r.Empty() {
		r = image.Rect(0, 0, want.Cols, want.Rows)
	}
	for z := range want.Count {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				i := (z*want.Rows+y)*want.Cols + x
				if got.HU[i] != want.HU[i] || got.Padding[i] != want.Padding[i] {
					t.Fatalf("%s, %v: slice %d, row %d, column %d is %g, padding %v, in the whole slice %g, %v",
						name, r, z, y, x, got.HU[i], got.Padding[i], want.HU[i], want.Padding[i])
				}
			}
		}
	}
}

// TestWindowsAlone: a window that is decoded alone is that of the whole slice, with
// the padding that the whole slice shows.
func TestWindowsAlone(t *testing.T) {
	const n = 64
	all := windowed(n)
	for name, syntax := range map[string]string{"RLE": dicomtest.RLE, "big endian": dicomtest.BigEndian} {
		spec := all["field of view"]
		spec.Syntax = syntax
		all[name] = spec
	}
	all["8 bits"] = dicomtest.Spec{Unsigned: true, Bits: 8, Intercept: -1024, Slope: 10, Rows: n, Cols: n, Slices: 4}
	for name, spec := range all {
		s := open(t, spec)
		want := decode(t, s, 0, 4)
		for _, r := range []image.Rectangle{
			image.Rect(0, 0, 64, 64), {}, image.Rect(0, 0, 64, 5), image.Rect(0, 20, 64, 33), image.Rect(0, 63, 64, 64),
			image.Rect(0, 0, 7, 9), image.Rect(20, 30, 41, 33), image.Rect(60, 59, 64, 64), image.Rect(3, 10, 63, 50),
		} {
			var b dicomio.Block
			if err := s.HUWindowInto(t.Context(), 0, 4, r, &b); err != nil {
				t.Fatal(err)
			}
			sameWindow(t, name, r, &b, want)
		}
		for _, bad := range []image.Rectangle{image.Rect(0, -1, 64, 3), image.Rect(0, 0, 64, 65), image.Rect(60, 0, 65, 1)} {
			if err := s.HUWindowInto(t.Context(), 0, 1, bad, &dicomio.Block{}); err == nil {
				t.Errorf("the window %v was decoded", bad)
			}
		}
	}
}

// TestWindowsOfJPEG2000: the same of slices of which no more than the window is
// decoded.
func TestWindowsOfJPEG2000(t *testing.T) {
	if _, err := exec.LookPath("gdcmconv"); err != nil {
		t.Skip("no gdcmconv here")
	}
	const n = 301
	for name, spec := range windowed(n) {
		ways := [][]string{{"--j2k"}}
		if name == "air at -1000" {
			ways = append(ways, []string{"--j2k", "--lossy", "-r", "4"})
		}
		for _, how := range ways {
			spec.Slices = 2
			from, to := t.TempDir(), t.TempDir()
			if err := dicomtest.WriteSeries(from, spec); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(from, "*.dcm"))
			for _, file := range files {
				args := append(how[:len(how):len(how)], file, filepath.Join(to, filepath.Base(file)))
				if out, err := exec.Command("gdcmconv", args...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			s, err := dicomio.OpenSeries(t.Context(), to, "", dicomio.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !s.Windows() {
				t.Errorf("%s: windows are said to cost as much as slices", name)
			}
			want := decode(t, s, 0, 2)
			rng := rand.New(rand.NewPCG(3, 4))
			var b dicomio.Block
			for range 12 {
				x, y := rng.IntN(n), rng.IntN(n)
				r := image.Rect(x, y, x+1+rng.IntN(min(n-x, 60)), y+1+rng.IntN(min(n-y, 60)))
				if err := s.HUWindowInto(t.Context(), 0, 2, r, &b); err != nil {
					t.Fatal(err)
				}
				sameWindow(t, name, r, &b, want)
			}
		}
	}
}
