package scoring

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// TestScoreOutlines: a nodule is outlined and measured beside its score; a place
// without one gets a code in place of a score, and changes nothing for others.
func TestScoreOutlines(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Job.Nodules = append(req.Job.Nodules,
		bus.JobNodule{ID: "beside", PositionLPS: [3]float64{2, -3, 1}, DiameterMM: 30},
		bus.JobNodule{ID: "lung", PositionLPS: [3]float64{-12, 0, 0}, DiameterMM: 6},
		bus.JobNodule{ID: "outside", PositionLPS: [3]float64{0, 0, 300}})
	plain, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Outliner = plugintest.Outliner(t)
	r, details := scoreInStages(t, req, "read", "cut", "outline", "score")
	want := &bus.Outliner{Name: outline.Name, Digest: req.Outliner.Digest(), Preprocessing: req.Outliner.Preprocessing()}
	if d := cmp.Diff(want, r.Outliner); d != "" || plain.Outliner != nil || r.Identity == plain.Identity || r.TimingsMS.Outline <= 0 {
		t.Errorf("%sidentities %s and %s, timings %+v", d, r.Identity, plain.Identity, r.TimingsMS)
	}

	n := r.Nodules[0]
	o := n.Outline
	if o == nil || !o.Found || o.Codes != nil || o.SpacingMM != 1 || o.CentreLPS != n.PositionLPS || o.Digest != want.Digest || o.ComputedBy == nil || n.OutlineError != nil {
		t.Fatalf("%+v, %+v", o, n.OutlineError)
	}
	if m := o.Measurements; m == nil || math.Abs(m.DiameterMM-12) > 0.3 || m.VolumeMM3 != math.Round(m.VolumeMM3) || *m.MeanHU != 40 || m.Type != measure.Solid {
		t.Errorf("%+v", m)
	}
	if d := cmp.Diff(plain.Nodules[0].Scores, n.Scores); d != "" {
		t.Errorf("an outline changes scores:\n%s", d)
	}
	if details[0].Outline == nil || details[0].Outline.Outline.Voxels < 800 {
		t.Error("the picture has no mask")
	}

	beside := r.Nodules[1]
	if at := beside.Outline.CentreLPS; at != [3]float64{} || beside.Outline.Measurements.VolumeMM3 != o.Measurements.VolumeMM3 {
		t.Errorf("beside it: around %v, %+v", at, beside.Outline.Measurements)
	}
	if want := []string{ApplyDiameter, ApplyDiameterDiffers}; !slices.Contains(beside.Applicability, ApplyDiameterDiffers) || slices.Contains(n.Applicability, ApplyDiameterDiffers) {
		t.Errorf("limits of use %v and %v, want %v", n.Applicability, beside.Applicability, want)
	}

	lung := r.Nodules[2]
	if lung.Error == nil || lung.Error.Code != string(outline.CodeNotFound) || lung.Scores != nil || lung.Failed != nil ||
		lung.Outline == nil || lung.Outline.Found || lung.Outline.Measurements != nil || !slices.Equal(lung.Outline.Codes, []string{"nodule_not_found"}) {
		t.Errorf("%+v", lung)
	}
	if out := r.Nodules[3]; out.Outline != nil || out.OutlineError != nil || out.Error.Code != "candidate_outside_scan" {
		t.Errorf("%+v", out)
	}
	b, err := bus.EncodeResult("/test", r)
	if err != nil {
		t.Fatal(err)
	}
	if _, back, err := bus.DecodeResult(b); err != nil || cmp.Diff(r, back) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(r, back))
	}
}

// TestGapAcrossOutline: a missing slice beyond the diameter that was given refuses
// a nodule whose outline it crosses, and none further away.
func TestGapAcrossOutline(t *testing.T) {
	for skip, crosses := range map[int]bool{28: true, 36: false} { // the nodule ends at 29
		spec := plugintest.CT()
		spec.Skip = []int{skip}
		req := request(t, plugintest.WriteCT(t, spec))
		req.Job.Nodules[0].DiameterMM = 5
		req.Outliner = plugintest.Outliner(t)
		r, _, err := Score(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		n := r.Nodules[0]
		refused := n.Error != nil && n.Error.Code == "gap_in_nodule" && n.Scores == nil && n.Outline.Measurements == nil && n.Headline == nil
		if refused != crosses || !crosses && n.Error != nil {
			t.Errorf("slice %d is missing: %+v, %+v", skip, n.Error, n.Outline)
		}
	}
}

// TestOutlineFails: an outliner that fails costs no score, and is said to have
// failed. A network that gives no number does not take a nodule for none.
func TestOutlineFails(t *testing.T) {
	broken := plugintest.Network()
	for _, p := range broken.Params {
		if p.Name == "output.bias" {
			p.Data[0] = float32(math.NaN())
		}
	}
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	plain, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if req.Outliner, err = outline.New(broken, compute.Options{}); err != nil {
		t.Fatal(err)
	}
	r, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Nodules[0]
	if n.OutlineError == nil || n.OutlineError.Code != string(CodeOutlineFailed) || n.Outline != nil || n.Error != nil {
		t.Errorf("%+v, %+v", n.OutlineError, n)
	}
	if d := cmp.Diff(plain.Nodules[0].Scores, n.Scores); d != "" {
		t.Error(d)
	}
}

// TestOutlinesAgain: what a page draws is what was measured.
func TestOutlinesAgain(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Outliner = plugintest.Outliner(t)
	_, details, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	outside := bus.JobNodule{ID: "outside", PositionLPS: [3]float64{0, 0, 300}}
	again, err := p.Outlines(t.Context(), req.Job.Nodules[0], outside)
	if err != nil || len(again) != 2 || !slices.Equal(again[0].Outline.Mask, details[0].Outline.Outline.Mask) {
		t.Errorf("%d findings, %v", len(again), err)
	}
	if again[1].Err == nil {
		t.Error("a place outside the scan was outlined")
	}
}

// counting counts the slices that are decoded.
type counting struct {
	*dicomio.Series
	windows bool
	slices  map[int]int
	fail    error
}

func (c *counting) Windows() bool { return c.windows }

func (c *counting) HUWindowInto(ctx context.Context, first, count int, window image.Rectangle, b *dicomio.Block) error {
	for k := first; k < first+count; k++ {
		c.slices[k]++
	}
	if c.fail != nil {
		return c.fail
	}
	return c.Series.HUWindowInto(ctx, first, count, window, b)
}

// TestHeldWindows: where windows are less work, they alone are decoded and held: a
// little more than was asked for, and with what a later pass needs.
func TestHeldWindows(t *testing.T) {
	job := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	s, err := (series.Reader{}).Open(t.Context(), series.PlaceOf(job))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := s.HU(t.Context(), 5, 4)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Series: s, windows: true, slices: map[int]int{}}
	h := holdSlices(c, s.Geometry, 1<<20)
	var b dicomio.Block
	for i, step := range []struct {
		window  image.Rectangle
		decoded int // slices until now
		bytes   int
	}{
		{image.Rect(20, 20, 26, 30), 4, 4 * 5 * 22 * 26},
		{image.Rect(22, 12, 30, 30), 4, 4 * 5 * 22 * 26}, // a little further
		{image.Rect(30, 10, 40, 30), 8, 4 * 5 * 36 * 36},
		{image.Rect(13, 20, 48, 21), 8, 4 * 5 * 36 * 36},
		{image.Rectangle{}, 12, 4 * 5 * 48 * 48},
	} {
		clear(b.HU)
		if err := h.HUWindowInto(t.Context(), 5, 4, step.window, &b); err != nil {
			t.Fatal(err)
		}
		decoded := 0
		for _, n := range c.slices {
			decoded += n
		}
		if decoded != step.decoded || h.bytes != step.bytes {
			t.Errorf("step %d: %d slices decoded, want %d; %d bytes held, want %d", i, decoded, step.decoded, h.bytes, step.bytes)
		}
		r := step.window
		if r.Empty() {
			r = image.Rect(0, 0, 48, 48)
		}
		for k := range b.HU {
			if image.Pt(k%48, k/48%48).In(r) && (b.HU[k] != whole.HU[k] || b.Padding[k] != whole.Padding[k]) {
				t.Fatalf("step %d: voxel %d is %g, want %g", i, k, b.HU[k], whole.HU[k])
			}
		}
	}
	if err := h.HUWindowInto(t.Context(), 5, 4, image.Rect(0, 0, 49, 1), &b); err == nil {
		t.Error("a window outside was decoded")
	}
}

// TestHeldSlices: a slice is decoded once as long as there is room, and what
// comes back is the same.
func TestHeldSlices(t *testing.T) {
	job := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	s, err := (series.Reader{}).Open(t.Context(), series.PlaceOf(job))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := s.HU(t.Context(), 5, 20)
	if err != nil {
		t.Fatal(err)
	}
	const one = 48 * 48 * 5 // bytes of a slice
	for limit, most := range map[int]int{40 * one: 1, 3 * one: 3} {
		c := &counting{Series: s, slices: map[int]int{}}
		h := holdSlices(c, s.Geometry, limit)
		for range 2 {
			for _, run := range [][2]int{{6, 2}, {5, 20}} {
				b, err := h.HU(t.Context(), run[0], run[1])
				if err != nil {
					t.Fatal(err)
				}
				from := (run[0] - 5) * 48 * 48
				want := &dicomio.Block{First: run[0], Count: run[1], Rows: 48, Cols: 48,
					HU: whole.HU[from : from+run[1]*48*48], Padding: whole.Padding[from : from+run[1]*48*48]}
				if d := cmp.Diff(want, b); d != "" {
					t.Fatalf("limit %d, run %v: %s", limit, run, d)
				}
			}
		}
		for k, n := range c.slices {
			if n > most || k < 5 || k >= 25 {
				t.Errorf("limit %d: slice %d was decoded %d times", limit, k, n)
			}
		}
		if h.bytes > limit {
			t.Errorf("%d bytes are held, at most %d", h.bytes, limit)
		}
		c.fail = plugintest.ErrTest
		if _, err := h.HU(t.Context(), 30, 1); !errors.Is(err, plugintest.ErrTest) {
			t.Error(err)
		}
	}
}
