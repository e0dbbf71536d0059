package gate

import (
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

var (
	gainNodules = flag.String("gain", "", "`NUMBERS` of reviewed nodules, separated by commas; empty: nothing is measured")
	gainHeld    = flag.Int("gain-held", 60, "`SCANS` of the site, of four nodules each, that are held back")
	gainSites   = flag.Int("gain-sites", 1, "`NUMBER` of sites, each with phantoms of its own")
	gainKernel  = flag.String("gain-kernel", "sharp", "`KERNEL` of the site")
	gainNoise   = flag.Float64("gain-noise", 60, "noise of the site in `HU`")
	gainEpochs  = flag.Int("gain-epochs", 0, "`EPOCHS` of VAE-AD, and twice as many steps of GAN-AD; 0: only the headline is retrained")
)

// TestGain prints what a phantom site with a kernel and noise of its own gains of its
// reviewed nodules: AUROC on patients of the site that no training has seen, candidate
// against the shipped models, with the interval of the gates.
func TestGain(t *testing.T) {
	if *gainNodules == "" {
		t.Skip("takes an hour: make gain")
	}
	start := time.Now()
	for number := range *gainSites {
		most := 0
		var sizes []int
		for text := range strings.SplitSeq(*gainNodules, ",") {
			n, err := strconv.Atoi(text)
			plugintest.Must(t, err)
			sizes, most = append(sizes, n), max(most, n)
		}
		reviewed := gainSite(t, 2*number, (most+3)/4)
		held := newNodules(gainSite(t, 2*number+1, *gainHeld))
		t.Logf("%4.0f s: the scans of site %d are made", time.Since(start).Seconds(), number+1)
		for _, n := range sizes {
			path := filepath.Join(t.TempDir(), "site.npz")
			plugintest.Must(t, nodule.SaveNPZ(path, reviewed.Samples[:n]))
			for _, way := range []string{"continued", "from scratch"} {
				before, after, err := gainOf(t, path, way)
				if err != nil {
					t.Logf("| %d | %d | %s | refused: %v", number+1, n, way, err)
					continue
				}
				was, err := held.columns(t.Context(), before)
				plugintest.Must(t, err)
				is, err := held.columns(t.Context(), after)
				plugintest.Must(t, err)
				for _, row := range (&Report{}).side(Data{Name: "held back"}, held.samples, was, is).Rows {
					if strings.HasSuffix(row.Name, "diameter") || strings.HasPrefix(row.Name, "rung normals") {
						continue
					}
					a := row.AUROC
					t.Logf("| %d | %d | %s | %s | %.3f | %.3f | %+.3f (%+.3f to %+.3f) | %s | %s |", number+1, n, way, row.Name, a.Before, a.After, a.Difference, a.Low, a.High, brier(row.Calibration[0]), brier(row.Calibration[1]))
				}
			}
			t.Logf("%4.0f s", time.Since(start).Seconds())
		}
	}
}

func brier(f *Fit) string {
	if f == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", f.Brier)
}

// gainSite makes scans of the site, whose reader decides as the nodules are made.
func gainSite(t *testing.T, number, scans int) *nodule.Dataset {
	t.Helper()
	ds, _, err := phantoms(t.Context(), uint64(5000+1000*number), scans, func(_ int, spec *phantom.Spec) { //nolint:gosec // counted
		spec.Kernel, spec.NoiseHU = phantom.Kernel(*gainKernel), *gainNoise
	}, nil)
	plugintest.Must(t, err)
	for i := range ds.Samples {
		s := &ds.Samples[i]
		s.Readers = 1
		s.Patient = nodule.SitePatient + strings.TrimPrefix(digest.Of([]byte(s.Patient)), "sha256:")[:24]
	}
	return ds
}

// gainOf are the shipped models, and what is made of them.
func gainOf(t *testing.T, path, way string) (before, after *store.Set, err error) {
	t.Helper()
	incumbent, err := retrain.LoadSet(retrain.SetFiles{})
	plugintest.Must(t, err)
	if *gainEpochs == 0 {
		incumbent.Detectors = nil
	}
	data, err := retrain.LoadData(path, nil)
	plugintest.Must(t, err)
	dir := t.TempDir()
	p, err := retrain.NewPlan(retrain.Options{
		Data: data, Incumbent: incumbent, Scratch: way == "from scratch", Software: "test",
		Settings: retrain.Settings{Epochs: *gainEpochs, GANSteps: 2 * *gainEpochs}, Dir: filepath.Join(dir, "state"), Out: filepath.Join(dir, "out"),
	})
	if err != nil {
		return nil, nil, err
	}
	made, err := p.Run(t.Context())
	plugintest.Must(t, err)
	files := retrain.SetFiles{}
	for _, f := range made.Files {
		name := filepath.Join(dir, "out", f.Name)
		switch f.Role {
		case retrain.RoleDetector:
			files.Detectors = append(files.Detectors, name)
		case retrain.RoleRungs:
			files.Rungs = name
		}
	}
	candidate, err := retrain.LoadSet(files)
	plugintest.Must(t, err)
	if *gainEpochs == 0 {
		candidate.Detectors = nil
	}
	as := func(version string, s *retrain.Set) *store.Set {
		return &store.Set{Version: version, Digest: version, Detectors: s.Detectors, Rungs: s.Rungs, Outliner: s.Outliner}
	}
	return as("before", incumbent), as("after", candidate), nil
}
