package phantom

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func generate(t testing.TB, s Spec) *Phantom {
	t.Helper()
	p, err := Generate(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// render gives every slice, in the given order of rendering.
func render(p *Phantom, order []int) [][]int16 {
	out := make([][]int16, p.spec.Slices)
	for _, z := range order {
		out[z] = make([]int16, p.spec.Rows*p.spec.Cols)
		p.Slice(z, out[z])
	}
	return out
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func volumeDigest(volume [][]int16) [32]byte {
	h := sha256.New()
	for _, s := range volume {
		for _, v := range s {
			h.Write(binary.LittleEndian.AppendUint16(nil, uint16(v)))
		}
	}
	return [32]byte(h.Sum(nil))
}

func TestSameSeedSamePhantom(t *testing.T) {
	a, b, c := generate(t, Small(7)), generate(t, Small(7)), generate(t, Small(8))
	order := upTo(a.spec.Slices)
	first := volumeDigest(render(a, order))
	slices.Reverse(order)
	if volumeDigest(render(b, order)) != first {
		t.Error("the same seed, rendered in another order, gives other pixels")
	}
	if volumeDigest(render(c, order)) == first {
		t.Error("another seed gives the same pixels")
	}
	if diff := cmp.Diff(a.Nodules(), b.Nodules()); diff != "" {
		t.Errorf("the same seed has other nodules:\n%s", diff)
	}
	if a.SeriesUID() != b.SeriesUID() || a.SeriesUID() == c.SeriesUID() || a.SOPInstanceUID(0) == a.SOPInstanceUID(1) {
		t.Error("UIDs do not follow the spec and the slice")
	}
}

// meanHU is the mean of the voxels whose centres lie within r mm of at.
func meanHU(p *Phantom, volume [][]int16, at vec, r float64) (mean float64, n int) {
	mid := p.geometry.ToVoxel(at)
	near := func(i, axis int) bool { return math.Abs(float64(i)-mid[axis])*p.spec.SpacingMM[axis] <= 1.2*r }
	for z := range volume {
		for y := 0; y < p.spec.Rows && near(z, 0); y++ {
			for x := 0; x < p.spec.Cols && near(y, 1); x++ {
				q := p.geometry.ToLPS([3]float64{float64(z), float64(y), float64(x)})
				if near(x, 2) && q.Sub(at).Norm() <= r {
					mean += float64(volume[z][y*p.spec.Cols+x])
					n++
				}
			}
		}
	}
	return mean / float64(n), n
}

// oneOfEach is a coarse scan with a nodule of every kind.
func oneOfEach(tilt float64) Spec {
	s := Spec{Seed: 11, Slices: 50, Rows: 150, Cols: 150, SpacingMM: [3]float64{2, 1.8, 1.8}, TiltDeg: tilt}
	for i, k := range kinds {
		s.Nodules = append(s.Nodules, Nodule{Kind: k, DiameterMM: 12 + float64(i)})
	}
	return s
}

func TestNodulesAreWhereTheTruthSays(t *testing.T) {
	for _, tilt := range []float64{0, 15} {
		p := generate(t, oneOfEach(tilt))
		volume := render(p, upTo(p.spec.Slices))
		want := map[Kind][2]float64{
			Solid: {15, 55}, SmallSolid: {10, 50}, Spiculated: {15, 55},
			GroundGlass: {-680, -600}, PartSolid: {-660, 0}, Calcified: {120, 320},
		}
		for _, n := range p.Nodules() {
			got, voxels := meanHU(p, volume, n.PositionLPS, 0.3*n.DiameterMM)
			if r := want[n.Kind]; voxels < 30 || got < r[0] || got > r[1] {
				t.Errorf("tilt %g: %s of %g mm: %.0f HU over %d voxels at its centre, want %v", tilt, n.Kind, n.DiameterMM, got, voxels, r)
			}
		}
	}
}

func TestVolumeOfASolidNoduleIsThatOfItsDiameter(t *testing.T) {
	const matrix, pixel = 256, 1.0
	at := vec{76, 14, 0}
	spec := Spec{Seed: 5, Slices: 24, Rows: matrix, Cols: matrix, SpacingMM: [3]float64{1, pixel, pixel}, NoiseHU: -1,
		Nodules: []Nodule{{Kind: Solid, PositionLPS: at, DiameterMM: 16}}}
	p := generate(t, spec)
	spec.Nodules = nil
	spec.Count = -1
	empty := generate(t, spec)
	var volume float64
	var centre vec
	a, b := make([]int16, matrix*matrix), make([]int16, matrix*matrix)
	for z := range p.spec.Slices {
		p.Slice(z, a)
		empty.Slice(z, b)
		for i := range a {
			if a[i] == b[i] {
				continue
			}
			share := float64(a[i]-b[i]) / (solidHU - float64(b[i])) * pixel * pixel
			volume += share
			centre = centre.Add(p.geometry.ToLPS([3]float64{float64(z), float64(i / matrix), float64(i % matrix)}).Scale(share))
		}
	}
	if want := math.Pi / 6 * 16 * 16 * 16; math.Abs(volume/want-1) > 0.06 {
		t.Errorf("the nodule adds %.0f mm³, a sphere of its diameter has %.0f", volume, want)
	}
	if d := centre.Scale(1 / volume).Sub(at).Norm(); d > 0.5 {
		t.Errorf("its centre of mass lies %.2f mm from its position", d)
	}
}

func TestTissues(t *testing.T) {
	p := generate(t, Spec{Seed: 3, Slices: 21, Rows: 160, Cols: 160, SpacingMM: [3]float64{4, 2.2, 2.2}, Count: -1})
	volume := render(p, upTo(p.spec.Slices))
	for name, c := range map[string]struct {
		at     vec
		r      float64
		lo, hi float64
	}{
		"air":           {vec{-160, -160, 0}, 8, -1010, -980},
		"heart":         {p.anatomy.heart, 8, 30, 60},
		"carina":        {vec{2, 14, 38}, 4, -1010, -900},
		"aorta":         {vec{22, 36, 0}, 7, 30, 60},
		"vertebra":      {vec{0, 61, 0}, 6, 80, 350},
		"front of lung": {vec{70, -50, 20}, 8, -930, -780},
		"back of lung":  {vec{70, 50, 20}, 8, -900, -730},
	} {
		at := c.at
		at[2] = max(-38, min(38, at[2]))
		got, n := meanHU(p, volume, at, c.r)
		if n < 10 || got < c.lo || got > c.hi {
			t.Errorf("%s: %.0f HU over %d voxels, want %v to %v", name, got, n, c.lo, c.hi)
		}
	}
}

func TestPaddingReplacesAllOutsideTheCircle(t *testing.T) {
	for _, value := range []int{-2000, 0, 24, 4095} { // 24 is air, 0 and 4095 the ends of 12 bits
		s := Small(2)
		s.PaddingValue = &value
		p := generate(t, s)
		block, err := p.HU(t.Context(), 20, 1)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for i, padded := range block.Padding {
			y, x := i/96, i%96
			if padded != p.outside(float64(y), float64(x)) {
				t.Fatalf("padding %d: pixel %d,%d is padding: %v, HU %v", value, y, x, padded, block.HU[i])
			}
			if padded {
				count++
				if block.HU[i] != float32(value-1024) {
					t.Fatalf("padding %d reads %v HU", value, block.HU[i])
				}
			}
		}
		if share := float64(count) / 96 / 96; math.Abs(share-(1-math.Pi/4)) > 0.02 {
			t.Errorf("%.1f %% of the image is padding", 100*share)
		}
	}
}

func TestNoiseIsThatOfABodyKernel(t *testing.T) {
	const rows, cols, sigma = 200, 300, 20.0
	hu := make([]float32, rows*cols)
	addNoise(hu, rows, cols, sigma, neighbour, seeded(1, streamNoise, 0))
	var sum, sq, beside, below float64
	for y := range rows - 1 {
		for x := range cols - 1 {
			v := float64(hu[y*cols+x])
			sum += v
			sq += v * v
			beside += v * float64(hu[y*cols+x+1])
			below += v * float64(hu[(y+1)*cols+x])
		}
	}
	n := float64((rows - 1) * (cols - 1))
	if mean, sd := sum/n, math.Sqrt(sq/n); math.Abs(mean) > 1 || math.Abs(sd-sigma) > 1 {
		t.Errorf("noise has mean %.2f and standard deviation %.2f, want 0 and %v", mean, sd, sigma)
	}
	want := 2 * neighbour / (1 + 2*neighbour*neighbour)
	if math.Abs(beside/sq-want) > 0.05 || math.Abs(below/sq-want) > 0.05 {
		t.Errorf("neighbours correlate at %.2f and %.2f, want %.2f", beside/sq, below/sq, want)
	}
}

func TestGeometryIsCentredOnTheOrigin(t *testing.T) {
	for _, tilt := range []float64{0, -12, 20} {
		s := Small(1)
		s.TiltDeg = tilt
		g := newGeometry(s.withDefaults())
		if d := g.ToLPS([3]float64{23.5, 47.5, 47.5}).Norm(); d > 1e-9 {
			t.Errorf("tilt %g: the middle of the scan is %g mm from the origin", tilt, d)
		}
		along := g.ToLPS([3]float64{1, 0, 0}).Sub(g.Origin).Dot(g.Normal)
		if math.Abs(along-2.5) > 1e-9 {
			t.Errorf("tilt %g: slices are %g mm apart along their normal, want 2.5", tilt, along)
		}
		if got := math.Acos(g.Normal.Dot(g.Line)) * 180 / math.Pi; math.Abs(got-math.Abs(tilt)) > 1e-6 {
			t.Errorf("the angle of normal and line is %g, want %g", got, math.Abs(tilt))
		}
	}
}

func TestHURefusesSlicesThatAreNotThere(t *testing.T) {
	p := generate(t, Small(1))
	for _, c := range [][2]int{{-1, 1}, {0, 0}, {47, 2}, {48, 1}, {1, math.MaxInt}} {
		if _, err := p.HU(t.Context(), c[0], c[1]); err == nil {
			t.Errorf("slices %d+%d of 48 were given", c[0], c[1])
		}
	}
}
