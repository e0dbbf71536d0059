package detector

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

func TestMeanNormal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	want := make(MeanNormal, nodule.PatchVoxels)
	for _, j := range nodule.CoreVoxels() {
		want[j] = rng.Float32()
	}
	b, err := json.Marshal(Calibration{Reference: []float64{1}, MeanNormal: want})
	if err != nil {
		t.Fatal(err)
	}
	var c Calibration
	if err := json.Unmarshal(b, &c); err != nil || !slices.Equal(c.MeanNormal, want) {
		t.Errorf("writing and reading changes it: %v", err)
	}
	if len(b) > 20_000 {
		t.Errorf("%d bytes", len(b))
	}
	if b, err := json.Marshal(Calibration{}); err != nil || strings.Contains(string(b), "mean_normal") {
		t.Errorf("without one: %s, %v", b, err)
	}
	if _, err := json.Marshal(MeanNormal{1, 2}); err == nil {
		t.Error("two voxels were written")
	}
	for _, bad := range []string{`"AAAA"`, `7`, `"?"`, `"` + strings.Repeat("A", 1<<20) + `"`, `"` + strings.Repeat("/", len(nodule.CoreVoxels())*4/3*4) + `"`} {
		if err := json.Unmarshal([]byte(`{"mean_normal":`+bad+`}`), &c); err == nil {
			t.Errorf("%.20s was read", bad)
		}
	}
}
