package phantom

import (
	"math"
	"testing"
)

// lungMatrix are the rows and columns of a lungSpec.
const lungMatrix = 160

// lungSpec is a scan of 2 mm voxels without noise around the middle of a lung.
func lungSpec(slices int, nodules ...Nodule) Spec {
	return Spec{Seed: 5, Slices: slices, Rows: lungMatrix, Cols: lungMatrix, SpacingMM: [3]float64{2, 2, 2}, NoiseHU: -1, Nodules: nodules, Count: -1}
}

// TestVolumeIsWhatIsRendered: the truth agrees with the tissue that the scan
// shows, from a nodule to a mass.
func TestVolumeIsWhatIsRendered(t *testing.T) {
	for _, n := range []Nodule{
		{ID: "a", Kind: Spiculated, DiameterMM: 24}, {ID: "a", Kind: Mass, DiameterMM: 40},
	} {
		n.PositionLPS = vec{76, 14, 0}
		slices := int(n.DiameterMM)
		with, without := generate(t, lungSpec(slices, n)), generate(t, lungSpec(slices))
		a, b := make([]int16, lungMatrix*lungMatrix), make([]int16, lungMatrix*lungMatrix)
		rendered := 0.0
		for z := range slices {
			with.Slice(z, a)
			without.Slice(z, b)
			for i := range a {
				if a[i] != b[i] {
					rendered += 8 * float64(a[i]-b[i]) / (solidHU - float64(b[i]))
				}
			}
		}
		if v := with.Volume("a"); math.Abs(v/rendered-1) > 0.08 {
			t.Errorf("%s of %g mm: %.0f mm³, rendered are %.0f", n.Kind, n.DiameterMM, v, rendered)
		}
		mask, err := with.Mask("a", vec{76 - 40, 14 - 40, -40}, [3]float64{1, 1, 1}, [3]int{81, 81, 81})
		if err != nil {
			t.Fatal(err)
		}
		in := 0
		for _, m := range mask {
			if m {
				in++
			}
		}
		if v := with.Volume("a"); math.Abs(float64(in)/v-1) > 0.03 {
			t.Errorf("%s of %g mm: %d voxels of 1 mm, %.0f mm³", n.Kind, n.DiameterMM, in, v)
		}
	}
}

func TestMassesFindRoom(t *testing.T) {
	for seed := range uint64(2) {
		p, err := Generate(Spec{Seed: seed, Nodules: []Nodule{{Kind: Mass, DiameterMM: 80}, {Kind: Mass, DiameterMM: 35}}})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		n := p.Nodules()[0]
		sphere := math.Pi / 6 * math.Pow(n.DiameterMM, 3)
		if v := p.Volume(n.ID); v < 0.4*sphere || v > 1.1*sphere { // the lung's border cuts it
			t.Errorf("seed %d: a mass of 80 mm with %.0f mm³, a sphere has %.0f", seed, v, sphere)
		}
	}
}

// TestFollowUp: the patient is the same, the nodules have grown by what was asked
// for, and the noise is another.
func TestFollowUp(t *testing.T) {
	spec := Small(3)
	first := generate(t, spec)
	spec.FollowUp = &FollowUp{VolumeFactor: 1.5, Days: 90}
	later := generate(t, spec)
	for i, n := range first.Nodules() {
		m := later.Nodules()[i]
		if m.PositionLPS != n.PositionLPS || m.Kind != n.Kind {
			t.Errorf("%+v became %+v", n, m)
		}
		if g := later.Volume(n.ID) / first.Volume(n.ID); n.Kind != Spiculated && math.Abs(g-1.5) > 0.1 { // spicules keep their thickness, and the lung ends where it did
			t.Errorf("%s of %.1f mm grew by %.3f", n.Kind, n.DiameterMM, g)
		}
	}
	if first.patient != later.patient || first.StudyUID() == later.StudyUID() || first.SeriesUID() == later.SeriesUID() {
		t.Error("not two scans of one patient")
	}
	a, b := make([]int16, 96*96), make([]int16, 96*96)
	first.Slice(0, a)
	later.Slice(0, b)
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	if same > len(a)/2 {
		t.Errorf("%d of %d pixels are the same: it is the same noise", same, len(a))
	}
}

// TestKernels: the sharper the kernel, the steeper the skin and the less do
// neighbouring pixels of noise agree.
func TestKernels(t *testing.T) {
	steepest := map[Kernel]int{}
	for k := range kernels {
		spec := lungSpec(2)
		spec.Kernel = k
		hu := make([]int16, lungMatrix*lungMatrix)
		generate(t, spec).Slice(0, hu)
		for x := range lungMatrix / 2 {
			at := lungMatrix*lungMatrix/2 + x
			steepest[k] = max(steepest[k], int(hu[at+1])-int(hu[at]))
		}
	}
	if !(steepest[Soft] < steepest[Standard] && steepest[Standard] < steepest[Sharp]) {
		t.Errorf("HU per pixel at most: %v", steepest)
	}
	agree := map[Kernel]float64{}
	for k, r := range kernels {
		hu := make([]float32, 100*100)
		addNoise(hu, 100, 100, 20, r.noise, seeded(1, streamNoise, 0))
		var both, all float64
		for i := range len(hu) - 1 {
			both += float64(hu[i] * hu[i+1])
			all += float64(hu[i] * hu[i])
		}
		if agree[k] = both / all; math.Abs(math.Sqrt(all/float64(len(hu)))-20) > 1.5 {
			t.Errorf("kernel %q: noise of %.1f HU, want 20", k, math.Sqrt(all/float64(len(hu))))
		}
	}
	if !(agree[Soft] > agree[Standard] && agree[Standard] > 0.4 && agree[Sharp] < 0) {
		t.Errorf("neighbours correlate at %v", agree)
	}
}

func TestMaskRefusals(t *testing.T) {
	p := generate(t, Small(1))
	one, size := [3]float64{1, 1, 1}, [3]int{2, 2, 2}
	id := p.Nodules()[0].ID
	for name, err := range map[string]error{
		"id":      func() error { _, err := p.Mask("none", vec{}, one, size); return err }(),
		"spacing": func() error { _, err := p.Mask(id, vec{}, [3]float64{1, 0, 1}, size); return err }(),
		"NaN":     func() error { _, err := p.Mask(id, vec{math.NaN()}, one, size); return err }(),
		"size":    func() error { _, err := p.Mask(id, vec{}, one, [3]int{1 << 20, 1 << 20, 1 << 30}); return err }(),
		"empty":   func() error { _, err := p.Mask(id, vec{}, one, [3]int{0, 1, 1}); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if p.Volume("none") != 0 {
		t.Error("an unknown nodule has a volume")
	}
}
