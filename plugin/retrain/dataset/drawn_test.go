package dataset

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// drawnBall is a ball of 4 mm that a reader drew, around a place.
func drawnBall(at [3]float64) *bus.Correction {
	mask := make([]bool, nodule.CubeVoxels)
	for i := range mask {
		z, y, x := float64(i/1024)-15.5, float64(i/32%32)-15.5, float64(i%32)-15.5
		mask[i] = z*z+y*y+x*x <= 16
	}
	return &bus.Correction{Method: bus.Semiautomatic, SpacingMM: 1, CentreLPS: at, Runs: bus.MaskRuns(mask)}
}

// TestReadersOutlineComesFirst: of the newest decision, before the network's; one
// that was taken back is none.
func TestReadersOutlineComesFirst(t *testing.T) {
	s := newSite(t)
	first := s.add(ann, "1", [3]float64{1, 0, 0})
	second := s.add(bob, "2", [3]float64{})
	s.decide(first, 0, "r", bus.Suspicious, "", 1)
	s.decide(first, 0, "r", bus.Suspicious, "", 2)
	s.in.Reviews[1].Outline = drawnBall([3]float64{0, 2, 0})
	s.decide(second, 0, "r", bus.Benign, "", 1)
	s.in.Reviews[2].Outline = drawnBall([3]float64{})
	s.decide(second, 0, "other", bus.Benign, "", 2) // the network's outline again
	set := s.build()
	if c := set.Card; c.Outlined[maskReader] != 1 || c.Outlined[maskResult] != 1 {
		t.Errorf("%v", c.Outlined)
	}
	path := filepath.Join(t.TempDir(), "site.npz")
	plugintest.Must(t, set.Save(path))
	ds, err := nodule.LoadNPZ(path)
	plugintest.Must(t, err)
	for i := range ds.Samples {
		x := &ds.Samples[i]
		if x.Patient != s.opt.Key.patient(ann.id) {
			continue
		}
		var middle [3]float64 // x, y, z from the candidate
		for v, in := range x.Mask() {
			if in {
				for a, stride := range [3]int{1, 32, 1024} {
					middle[a] += (float64(v/stride%32) - 15.5) / x.MaskVolume
				}
			}
		}
		if math.Abs(x.MaskVolume-268) > 30 || math.Abs(x.DiameterMM-8) > 0.3 || math.Abs(middle[0]+1) > 0.1 || math.Abs(middle[1]-2) > 0.1 {
			t.Errorf("%.0f voxels, %.2f mm, around %v", x.MaskVolume, x.DiameterMM, middle)
		}
	}
}

// TestReadersOutlineIsRead: of messages and of the table; what is none is refused.
func TestReadersOutlineIsRead(t *testing.T) {
	drawn := drawnBall([3]float64{1, 2, 3})
	cell, err := json.Marshal(drawn)
	plugintest.Must(t, err)
	for name, text := range map[string]string{
		"broken": `{"runs":`, "empty": `{"method":"manual","spacing_mm":1,"centre_lps_mm":[0,0,0],"runs":"gIAC"}`, "good": string(cell),
	} {
		path := filepath.Join(t.TempDir(), "decisions.csv")
		quoted := `"` + string(bytes.ReplaceAll([]byte(text), []byte(`"`), []byte(`""`))) + `"`
		plugintest.Must(t, os.WriteFile(path, []byte("identity,nodule_id,version,decision,reason,reviewer,time,verdict,kind,drawn_outline\n"+
			"sha256:a,n,1,accept,,ann,2026-01-01T00:00:00Z,suspicious,,"+quoted+"\n"), 0o600))
		var got bus.Review
		err := ReadReviews(path, func(r bus.Review) { got = r })
		if name != "good" {
			if codeOf(err) != CodeInput {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || got.Outline == nil || !bytes.Equal(got.Outline.Runs, drawn.Runs) || got.Outline.CentreLPS != drawn.CentreLPS {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
