package drift

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

var now = time.Date(2026, 3, 31, 8, 0, 0, 0, time.UTC)

// site scores n phantoms with the detector in the binary, one nodule each, and returns
// what is kept of them.
func site(t *testing.T, d detector.Detector, n int, seed uint64, kernel string, change func(*phantom.Spec)) (records []Record) {
	t.Helper()
	var patches []nodule.Patch
	var geometry []dicomio.Geometry
	noise := make([][]float64, n)
	for k := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(k)))
		spec := phantom.Spec{Seed: seed + uint64(k), Slices: 40, Rows: 96, SpacingMM: [3]float64{2.5, 3, 3}, Nodules: []phantom.Nodule{{Kind: phantom.Solid, DiameterMM: 5 + 8*rng.Float64()}}}
		if change != nil {
			change(&spec)
		}
		p, err := phantom.Generate(spec)
		if err != nil {
			t.Fatal(err)
		}
		cutter, err := nodule.NewCutter(p.Geometry(), p, nodule.CutOptions{MaxPaddingPct: 100})
		if err != nil {
			t.Fatal(err)
		}
		cuts, err := cutter.CutAll(context.Background(), p.Candidates())
		if err != nil || cuts[0].Err != nil {
			t.Fatal(err, cuts[0].Err)
		}
		if hu, known := Noise(cuts[0].Cube); known {
			noise[k] = []float64{hu}
		}
		patches, geometry = append(patches, nodule.Central(cuts[0].Cube)), append(geometry, p.Geometry())
	}
	scores, err := d.Score(context.Background(), patches)
	if err != nil {
		t.Fatal(err)
	}
	for k := range n {
		s := &dicomio.Series{Manufacturer: "PHANTOM", Volumes: []dicomio.Volume{{Kernel: kernel, ThicknessMM: 2.5}}}
		r := &bus.Result{Geometry: bus.Geometry{SpacingMM: geometry[k].SpacingMM}, Nodules: []bus.ResultNodule{{Scores: []bus.NoduleScore{{Model: d.Name(), Raw: scores[k].Raw}}}}}
		records = append(records, Of(now, "shipped", s, r, noise[k]))
	}
	return records
}

func alarms(r *Report) (names []string) {
	for _, c := range r.Values {
		if c.Alarm {
			names = append(names, c.Name)
		}
	}
	return names
}

// A site whose kernel or noise changes alarms, by the name of the kernel and by the
// noise; one that stays as it is does not, but for one look in a hundred.
func TestPhantomSites(t *testing.T) {
	d, err := detector.Pretrained()
	if err != nil {
		t.Skip(err)
	}
	pool := site(t, d, 80, 1, "standard", nil)
	noisy := site(t, d, 30, 1000, "standard", func(s *phantom.Spec) { s.NoiseHU = 60 })
	sharp := site(t, d, 30, 2000, "sharp", func(s *phantom.Spec) { s.Kernel = phantom.Sharp })
	ref := &Reference{Schema: 1, Records: pool[:50]}
	if got := alarms(NewReport(now, "shipped", ref, noisy)); strings.Join(got, ", ") != NoiseHU {
		t.Errorf("more noise: %q", got)
	}
	r := NewReport(now, "shipped", ref, sharp)
	if got := alarms(r); strings.Join(got, ", ") != Kernel+", "+NoiseHU {
		t.Errorf("another kernel: %q of %+v", got, r.Values)
	}
	var page bytes.Buffer
	if err := r.WriteHTML(&page); err != nil || !strings.Contains(page.String(), "2026-W14") {
		t.Errorf("%v", err)
	}
	const draws = 1000
	rng, false_ := rand.New(rand.NewPCG(1, 2)), 0
	for range draws {
		rng.Shuffle(len(pool), func(i, k int) { pool[i], pool[k] = pool[k], pool[i] })
		if NewReport(now, "shipped", &Reference{Schema: 1, Records: pool[:50]}, pool[50:]).Alarm {
			false_++
		}
	}
	t.Logf("%d of %d draws of a site that has not changed alarm", false_, draws)
	if false_ > draws/50 {
		t.Errorf("%d of %d draws of a site that has not changed alarm", false_, draws)
	}
}

// Where scanners, kernels and scores of many kinds are drawn from one distribution, less
// than one look in a hundred alarms, however small the window.
func TestFalseAlarms(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range [][2]int{{30, 30}, {300, 40}, {60, 200}} {
		const draws = 1000
		wrong := 0
		for range draws {
			all := make([]Record, n[0]+n[1])
			for i := range all {
				all[i] = Record{Day: "2026-03-30", Version: "v", Names: map[string]string{Scanner: fmt.Sprint("s", rng.IntN(3)), Kernel: fmt.Sprint("k", int(rng.ExpFloat64()*2))}, Numbers: map[string]float64{}}
				for k := range 9 {
					all[i].Numbers[fmt.Sprint("score ", k)] = rng.NormFloat64()
				}
				all[i].Numbers[Thickness] = []float64{1, 1.25, 2, 5}[rng.IntN(4)]
			}
			if NewReport(now, "v", &Reference{Schema: 1, Records: all[:n[0]]}, all[n[0]:]).Alarm {
				wrong++
			}
		}
		t.Logf("%d and %d series: %d of %d alarm", n[0], n[1], wrong, draws)
		if wrong > draws/50 {
			t.Errorf("%d and %d series: %d of %d alarm", n[0], n[1], wrong, draws)
		}
	}
}

// Few series tell nothing; the first ones stand for a reference that there is none of.
func TestBaseline(t *testing.T) {
	one := func(day string, x float64) Record {
		return Record{Day: day, Version: "v", Names: map[string]string{Scanner: "s"}, Numbers: map[string]float64{"score a": x}}
	}
	var all []Record
	for i := range Baseline {
		all = append(all, one("2025-12-01", float64(i)))
	}
	for i := range MinWindow - 1 {
		all = append(all, one("2026-03-30", 1000+float64(i)))
	}
	if r := NewReport(now, "v", nil, all); r.Alarm || r.Values[1].Enough || r.Values[1].Window != MinWindow-1 {
		t.Errorf("too few: %+v", r.Values)
	}
	all = append(all, one("2026-03-31", 2000))
	r := NewReport(now, "v", &Reference{Schema: 1, Records: all[:5]}, all)
	if c := r.Values[1]; !r.Alarm || !c.Baseline || c.Distance < 0.999 || c.Reference != Baseline {
		t.Errorf("%+v", r.Values)
	}
	if r := NewReport(now, "another", nil, all); r.Alarm || len(r.Values) != 0 {
		t.Errorf("of another version: %+v", r)
	}
	dir := t.TempDir()
	for _, x := range all {
		if err := Append(dir, x); err != nil {
			t.Fatal(err)
		}
	}
	if back, err := Read(dir); err != nil || len(back) != len(all) || back[0].Numbers["score a"] != 0 || back[1].Numbers["score a"] != 1 {
		t.Errorf("%d records, %v", len(back), err)
	}
}

// The table of a data set gives a reference of a record for each series, without names of
// anybody.
func TestFromTable(t *testing.T) {
	table := "patient,nodule,series,manufacturer,kernel,slice_thickness_mm,diameter_mm,mean_hu\nSITE-zz,n,a,M,B30f,1.5,4,\nSITE-zz,n,a,M,B30f,1.5,6,10\nSITE-zz,m,b,N,,,8,20\n"
	r, err := FromTable(strings.NewReader(table), map[string]float64{"m": 17})
	if err != nil || len(r.Records) != 2 {
		t.Fatal(r, err)
	}
	text := fmt.Sprint(r.Records)
	for _, want := range []string{"B30f", "not told", "diameter, mm:4", "noise, HU:17", "diameter, mm:8"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	if strings.Contains(text, "zz") {
		t.Errorf("%s names a patient", text)
	}
	if _, err := FromTable(strings.NewReader("a,b\n1,2\n"), nil); err == nil {
		t.Error("another table was taken")
	}
}
