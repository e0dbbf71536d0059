package bus

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// drawnBall is an outline of a ball of a radius in voxels, in the middle of its
// cube.
func drawnBall(radius float64) ([]bool, *Correction) {
	mask := make([]bool, maskVoxels)
	for i := range mask {
		z, y, x := float64(i/1024)-15.5, float64(i/32%32)-15.5, float64(i%32)-15.5
		mask[i] = z*z+y*y+x*x <= radius*radius
	}
	return mask, &Correction{Method: Manual, SpacingMM: 1, Runs: MaskRuns(mask)}
}

func TestMaskRuns(t *testing.T) {
	ball, _ := drawnBall(5)
	whole := slices.Repeat([]bool{true}, maskVoxels)
	corners := make([]bool, maskVoxels)
	corners[0], corners[maskVoxels-1] = true, true
	for name, mask := range map[string][]bool{"ball": ball, "whole": whole, "corners": corners} {
		c := Correction{Method: Manual, SpacingMM: 1, Runs: MaskRuns(mask)}
		got, err := c.Mask()
		if err != nil || !slices.Equal(got, mask) || len(c.Runs) > 400 {
			t.Errorf("%s: %v, %d bytes", name, err, len(c.Runs))
		}
	}
}

// Nothing of another size, empty, endless or written in another way is taken.
func TestDrawnIsChecked(t *testing.T) {
	_, good := drawnBall(4)
	ragged := make([]bool, maskVoxels)
	for i := range ragged {
		ragged[i] = i%2 == 0
	}
	for _, tt := range []struct {
		name string
		edit func(*Correction)
		want string
	}{
		{"", func(*Correction) {}, ""},
		{"none", func(c *Correction) { c.Runs = nil }, "0 voxels"},
		{"empty", func(c *Correction) { c.Runs = MaskRuns(make([]bool, maskVoxels)) }, "is empty"},
		{"short", func(c *Correction) { c.Runs = MaskRuns(slices.Repeat([]bool{true}, 28*28*28)) }, "not 32³"},
		{"long", func(c *Correction) { c.Runs = MaskRuns(slices.Repeat([]bool{true}, maskVoxels+1)) }, "more than"},
		{"huge", func(c *Correction) { c.Runs = []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1} }, "more than"},
		{"cut", func(c *Correction) { c.Runs = append(slices.Clone(c.Runs), 128) }, "LEB128"},
		{"padded", func(c *Correction) { c.Runs = []byte{128, 0} }, "LEB128"},
		{"no voxel", func(c *Correction) { c.Runs = []byte{1, 0, 1} }, "no voxel"},
		{"ragged", func(c *Correction) { c.Runs = MaskRuns(ragged) }, "too ragged"},
		{"method", func(c *Correction) { c.Method = "automatic" }, "method"},
		{"spacing", func(c *Correction) { c.SpacingMM = math.NaN() }, "spacing"},
		{"place", func(c *Correction) { c.CentreLPS[1] = math.Inf(1) }, "spacing"},
	} {
		c := *good
		tt.edit(&c)
		if hint := CheckDrawn(&c, nil); (tt.want == "") != (hint == "") || !strings.Contains(hint, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, hint, tt.want)
		}
	}
	way := NewDistance([3]float64{1, 2, 3}, [3]float64{4, 6, 3})
	other := way
	other.LengthMM = 7
	coronal, oblique := way, way
	coronal.Plane, oblique.Plane = Coronal, "oblique"
	for _, tt := range []struct {
		list []Distance
		want string
	}{
		{[]Distance{way}, ""}, {[]Distance{coronal}, ""}, {[]Distance{oblique}, "no plane"}, {slices.Repeat([]Distance{way}, MaxDistances), ""},
		{slices.Repeat([]Distance{way}, MaxDistances+1), "at most 20"}, {[]Distance{way, other}, "distance 2"}, {[]Distance{{}}, "distance 1"},
		{[]Distance{{FromLPS: [3]float64{math.NaN()}, LengthMM: 1}}, "distance 1"},
	} {
		if hint := CheckDrawn(nil, tt.list); (tt.want == "") != (hint == "") || !strings.Contains(hint, tt.want) {
			t.Errorf("%v: %q, want %q", tt.list, hint, tt.want)
		}
	}
	if way.LengthMM != 5 {
		t.Errorf("%+v", way)
	}
}

// What a reader drew travels with the decision, within its limit, and what is
// wrong with it stops the message.
func TestReviewCarriesWhatWasDrawn(t *testing.T) {
	_, c := drawnBall(6)
	r := Review{
		Identity: "sha256:a", NoduleID: "n", Verdict: Suspicious, Reviewer: "ann", Version: 1, Outline: c, Comment: strings.Repeat("<", 2000),
		Distances: slices.Repeat([]Distance{NewDistance([3]float64{-101.123456, 2, 3}, [3]float64{4.123456, 6, 3})}, MaxDistances),
	}
	data, err := reviews.encode("/r", "1", r)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := reviews.decode(data)
	if err != nil || !bytes.Equal(got.Outline.Runs, c.Runs) || !slices.Equal(got.Distances, r.Distances) {
		t.Errorf("%+v, %v", got, err)
	}
	ragged := make([]bool, maskVoxels)
	for i := range 2 * 8000 {
		ragged[i] = i%2 == 0
	}
	r.Outline = &Correction{Method: Manual, SpacingMM: 1, Runs: MaskRuns(ragged)}
	if data, err = reviews.encode("/r", "1", r); err != nil || len(r.Outline.Runs) < 16000 {
		t.Errorf("the largest: %d bytes, %v", len(data), err)
	}
	r.Outline = &Correction{Method: Manual, SpacingMM: 1, Runs: []byte{1}}
	if _, err := reviews.encode("/r", "1", r); CodeOf(err) != CodeReviewInvalid {
		t.Error(err)
	}
}

func FuzzMaskRuns(f *testing.F) {
	_, c := drawnBall(3)
	f.Add(c.Runs)
	f.Add([]byte{128, 128, 2})
	f.Fuzz(func(t *testing.T, runs []byte) {
		mask, err := (&Correction{Runs: runs}).Mask()
		if err == nil && (len(mask) != maskVoxels || !bytes.Equal(MaskRuns(mask), runs)) {
			t.Errorf("%d voxels of %x", len(mask), runs)
		}
	})
}
