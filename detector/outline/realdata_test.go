package outline

import (
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

var network = flag.String("network", "", "file of the network to test (default: the one in the binary)")

func trained(t testing.TB) *Outliner {
	t.Helper()
	if testing.Short() {
		t.Skip("outlines whole scans")
	}
	o, err := Pretrained()
	if *network != "" {
		o, err = Load(*network)
	}
	if errors.Is(err, ErrNoNetwork) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestReaders compares outlines with those of the four readers, beside the
// readers among themselves.
func TestReaders(t *testing.T) {
	o := trained(t)
	for _, name := range []string{"LIDC-IDRI-0001", "LIDC-IDRI-0003"} {
		series := openCT(t, name)
		files, err := filepath.Glob(filepath.Join(filepath.Dir(series.Slices[0].Path), "*.xml"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		f, err := os.Open(files[0])
		if err != nil {
			t.Fatal(err)
		}
		nodules, err := nodule.ReaderMarks(f, series)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		s := scan{geometry: series.Geometry, decoder: load(t, series, series.Geometry.Slices)}
		for k, marks := range nodules {
			if len(marks) < 2 {
				continue
			}
			var middle dicomio.Vec
			volume := 0.0
			for _, m := range marks {
				middle = middle.Add(m.CentreLPS.Scale(1 / float64(len(marks))))
				volume += m.VolumeMM3 / float64(len(marks))
			}
			found, err := o.Find(t.Context(), 1, s.cutter([]dicomio.Vec{middle}))
			if err != nil {
				t.Fatal(err)
			}
			own := voxelsOf(&found[0], middle, &series.Geometry)
			var sets []map[[3]int]bool
			for _, m := range marks {
				set := map[[3]int]bool{}
				m.Each(func(z, y, x int) { set[[3]int{z, y, x}] = true })
				sets = append(sets, set)
			}
			network, among := 0.0, 0.0
			for i, a := range sets {
				network += dice(own, a) / float64(len(sets))
				for _, b := range sets[i+1:] {
					among += dice(a, b) / float64(len(sets)*(len(sets)-1)/2)
				}
			}
			m, err := found[0].Measure()
			t.Logf("%s, nodule %d, %d readers, %.0f mm³: Dice with readers %.2f, among readers %.2f; measured %.0f mm³ (%v)",
				name, k+1, len(marks), volume, network, among, m.VolumeMM3, err)
			if network < among-0.25 {
				t.Errorf("%s, nodule %d: the outline is far from all readers: Dice %.2f, theirs %.2f", name, k+1, network, among)
			}
		}
	}
}

func openCT(t *testing.T, name string) *dicomio.Series {
	t.Helper()
	data := os.Getenv("NODULESCOPE_DATA")
	if data == "" {
		t.Skip("NODULESCOPE_DATA is not set")
	}
	s, err := dicomio.OpenSeries(t.Context(), filepath.Join(data, "ct", name), "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// voxelsOf are the voxels of a series whose centres lie in an outline, the
// nearest voxel of whose mask decides.
func voxelsOf(f *Finding, at dicomio.Vec, g *dicomio.Geometry) map[[3]int]bool {
	set := map[[3]int]bool{}
	if !f.Found() {
		return set
	}
	for a, mm := range f.ShiftMM {
		at[2-a] += mm
	}
	centre, low, high := g.ToVoxel(at), [3]int{}, [3]int{}
	for a, n := range [3]int{g.Slices, g.Rows, g.Cols} { // the cube's corners are not much farther away, however it is turned
		far := f.SpacingMM * edge / g.SpacingMM[a]
		low[a], high[a] = max(0, int(centre[a]-far)), min(n, int(centre[a]+far)+2)
	}
	for z := low[0]; z < high[0]; z++ {
		for y := low[1]; y < high[1]; y++ {
			for x := low[2]; x < high[2]; x++ {
				d := g.ToLPS([3]float64{float64(z), float64(y), float64(x)}).Sub(at)
				i, inside := 0, true
				for a, stride := range [3]int{edge * edge, edge, 1} {
					k := int(math.Round(d[2-a]/f.SpacingMM + middle))
					inside = inside && k >= 0 && k < edge
					i += k * stride
				}
				if inside && f.Outline.Mask[i] {
					set[[3]int{z, y, x}] = true
				}
			}
		}
	}
	return set
}

func dice(a, b map[[3]int]bool) float64 {
	both := 0
	for k := range a {
		if b[k] {
			both++
		}
	}
	return 2 * float64(both) / float64(len(a)+len(b))
}

// TestMasses: volumes of masses of 35 to 80 mm against the phantom's truth.
func TestMasses(t *testing.T) {
	o := trained(t)
	for k := range *massCount {
		seed, mm := uint64(k)+1, []float64{35, 48, 60, 80}[k%4] //nolint:gosec // a few
		p, err := phantom.Generate(phantom.Spec{Seed: seed, Slices: 110, Rows: 256, SpacingMM: [3]float64{2.5, 1.4, 1.4},
			Nodules: []phantom.Nodule{{ID: "m", Kind: phantom.Mass, DiameterMM: mm}}})
		if err != nil {
			t.Fatal(err)
		}
		s := scan{geometry: p.Geometry(), decoder: load(t, p, 110)}
		found, err := o.Find(t.Context(), 1, s.cutter([]dicomio.Vec{p.Nodules()[0].PositionLPS}))
		if err != nil {
			t.Fatal(err)
		}
		f, want := &found[0], p.Volume("m")
		m, err := f.Measure()
		t.Logf("a mass of %g mm: %.0f mm³, truth %.0f (%.1f %% off), voxels of %g mm, codes %v (%v)",
			mm, m.VolumeMM3, want, 100*(m.VolumeMM3/want-1), f.SpacingMM, f.Codes, err)
		if err != nil || math.Abs(m.VolumeMM3/want-1) > massError || f.SpacingMM == 1 {
			t.Errorf("a mass of %g mm is measured as %.0f mm³, it has %.0f", mm, m.VolumeMM3, want)
		}
	}
}

// TestPlacesWithoutNodules: at vessels, the chest wall and in lung nothing is
// found.
func TestPlacesWithoutNodules(t *testing.T) {
	o := trained(t)
	scans := []scan{phantomScan(t, 1, *pointsEach), phantomScan(t, 2, *pointsEach)}
	if data := os.Getenv("NODULESCOPE_DATA"); data != "" {
		scans = append(scans, realScan(t, "LIDC-IDRI-0001", []dicomio.Vec{{56.2, 86.3, -115.9}}, *pointsEach),
			realScan(t, "LIDC-IDRI-0003", []dicomio.Vec{{72.3, 76.9, -190.5}, {23.5, -47.6, -172.3}, {-47.4, -30.2, -169.6}}, *pointsEach))
	}
	refused, all := map[string]int{}, map[string]int{}
	for _, s := range scans {
		for site, points := range s.sites {
			found, err := o.Find(t.Context(), len(points), s.cutter(points))
			if err != nil {
				t.Fatal(err)
			}
			none := 0
			for i := range found {
				if !found[i].Found() {
					none++
				}
			}
			t.Logf("%s, %s: %d of %d refused", s.name, site, none, len(points))
			refused[site] += none
			all[site] += len(points)
		}
	}
	for site, n := range all {
		if share := float64(refused[site]) / float64(n); share < leastRefused[site] {
			t.Errorf("%s: %.0f %% of %d points are refused, want %.0f %%", site, 100*share, n, 100*leastRefused[site])
		}
	}
}
