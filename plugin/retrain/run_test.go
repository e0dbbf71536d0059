package retrain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// child is what a process that is killed does.
type child struct {
	Data, Dir, Out string
	Models         SetFiles
	DieAt          int // report of progress
}

func TestMain(m *testing.M) {
	plugintest.Main(m, func(c child) error {
		d, err := LoadData(c.Data, nil)
		if err != nil {
			return err
		}
		set, err := LoadSet(c.Models)
		if err != nil {
			return err
		}
		o := Options{Data: d, Incumbent: set, Settings: Settings{Epochs: 2, Batch: 8, Rates: []float64{1e-3, 1e-4}, GANSteps: 1}, Software: "test",
			Dir: c.Dir, Out: c.Out, Now: func() time.Time { return day.Add(time.Hour) }}
		seen := 0
		o.Progress = func(Progress) {
			if seen++; seen == c.DieAt {
				plugintest.Die()
			}
		}
		p, err := NewPlan(o)
		if err != nil {
			return err
		}
		_, err = p.Run(context.Background())
		return err
	})
}

// contentOf is every file below a folder by its name.
func contentOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	plugintest.Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path) //nolint:gosec // of this test
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		out[name] = string(b)
		return err
	}))
	return out
}

// A whole retraining: what it writes is complete, loads where the service loads
// it, says where it comes from, and names no patient. One that is killed again and
// again ends in the same bytes.
func TestRetrain(t *testing.T) {
	d := load(t, nodules(140, 1))
	o := options(t, d)
	var last Progress
	o.Progress = func(p Progress) {
		if p.Share < last.Share-1e-9 || p.Share > 1+1e-9 {
			t.Errorf("%v after %v", p, last)
		}
		last = p
	}
	c, err := plan(t, o).Run(t.Context())
	plugintest.Must(t, err)
	if last.Share < 0.99 {
		t.Errorf("the end is %+v", last)
	}
	if _, err := os.Stat(o.Dir); err == nil {
		t.Error("the state is still there")
	}
	files := contentOf(t, o.Out)
	var said Candidate
	plugintest.Must(t, json.Unmarshal([]byte(files[CandidateFile]), &said))
	if diff := cmp.Diff(c, &said); diff != "" {
		t.Error(diff)
	}
	parent, err := o.Incumbent.Digest()
	plugintest.Must(t, err)
	if said.Schema != Schema || said.Kind != KindRetrain || said.Mode != ModeDecisions || said.Start != StartContinued || said.Parent != parent || !said.Created.Equal(day) {
		t.Errorf("%+v", said)
	}
	var roles []string
	for _, f := range said.Files {
		roles = append(roles, f.Role)
		if digest.Of([]byte(files[f.Name])) != f.SHA256 {
			t.Errorf("%s has another digest", f.Name)
		}
	}
	if diff := cmp.Diff([]string{RoleDetector, RoleDetector, RoleRungs, RoleOutline, RoleReport, RoleReportData}, roles); diff != "" || len(files) != len(roles)+1 {
		t.Errorf("%d files, %s", len(files), diff)
	}
	for name, text := range files {
		if strings.Contains(text, mark) {
			t.Errorf("%s names a patient, a series or a nodule", name)
		}
	}
	for _, name := range []string{detector.VAEName, detector.GANName} {
		n, err := detector.Load(filepath.Join(o.Out, name+".safetensors"))
		plugintest.Must(t, err)
		if n.Name() != name {
			t.Errorf("%s is %s", name, n.Name())
		}
	}
	r, err := rungs.Load(filepath.Join(o.Out, rungsFile))
	plugintest.Must(t, err)
	if r.Data != d.Set.Digest() || r.Attribution != "other nodules" {
		t.Errorf("%s, %q", r.Data, r.Attribution)
	}
	if _, err := outline.Load(filepath.Join(o.Out, "outline.safetensors")); err != nil {
		t.Error(err)
	}
	vae, err := detector.LoadVAEAD(filepath.Join(o.Out, "vae-ad.safetensors"))
	plugintest.Must(t, err)
	if was, ok := o.Incumbent.Detectors[0].(*detector.VAEAD); !ok || vae.Header().Parent != was.Params().Digest() {
		t.Errorf("it comes from %q", vae.Header().Parent)
	}

	killed := options(t, d)
	path, set := save(t, nodules(140, 1)), writeSet(t, o.Incumbent)
	p := plan(t, killed)
	s, err := openState(killed.Dir, p.identity(), day)
	plugintest.Must(t, err)
	plugintest.Must(t, s.close())
	for _, at := range []int{31, 100, 9, 4} { // in what is measured, in both trainings, and behind
		plugintest.Crash(t, child{path, killed.Dir, killed.Out, set, at})
		for _, file := range contentOf(t, killed.Dir) {
			if strings.Contains(file, mark) {
				t.Error("the state names a patient, a series or a nodule")
			}
		}
	}
	_, err = p.Run(t.Context())
	plugintest.Must(t, err)
	for name, text := range contentOf(t, killed.Out) {
		if text != files[name] {
			t.Errorf("%s differs after being killed", name)
		}
	}
}

// A cancelled retraining ends with the context's error and goes on.
func TestCancel(t *testing.T) {
	o := options(t, load(t, nodules(140, 1)))
	o.Recalibrate, o.Settings = true, Settings{}
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p Progress) {
		if p.Step == 7 {
			cancel()
		}
	}
	if _, err := plan(t, o).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o.Progress = func(p Progress) {
		if p.Part == partDescribe && p.Step <= 7 {
			t.Error("what was measured is measured again")
		}
	}
	_, err := plan(t, o).Run(t.Context())
	plugintest.Must(t, err)
}

// Recalibrated, weights stay as they were, and thresholds are those of the site.
func TestRecalibrate(t *testing.T) {
	o := options(t, load(t, nodules(140, 1)))
	o.Recalibrate, o.Settings = true, Settings{}
	c, err := plan(t, o).Run(t.Context())
	plugintest.Must(t, err)
	if c.Kind != KindRecalibrate {
		t.Error(c.Kind)
	}
	vae, err := detector.LoadVAEAD(filepath.Join(o.Out, "vae-ad.safetensors"))
	plugintest.Must(t, err)
	was, _ := o.Incumbent.Detectors[0].(*detector.VAEAD)
	if vae.Params().Digest() != was.Params().Digest() {
		t.Error("weights have changed")
	}
	r, err := rungs.Load(filepath.Join(o.Out, rungsFile))
	plugintest.Must(t, err)
	for i := range r.Rungs {
		is, was := &r.Rungs[i], &o.Incumbent.Rungs.Rungs[i]
		if !bytes.Equal(must(json.Marshal(is.Model)), must(json.Marshal(was.Model))) || is.Calibration.Normals == was.Calibration.Normals {
			t.Errorf("%s: %+v", is.Name, is.Calibration)
		}
	}
}

// A detector and a rung that are kept have their weights, while the rest learns.
func TestKeep(t *testing.T) {
	d := load(t, nodules(140, 1))
	o := options(t, d)
	o.Settings.Epochs, o.Settings.Rates, o.Settings.Keep = 1, []float64{1e-3}, []string{detector.GANName, string(rungs.NormalsOnly)}
	p := plan(t, o)
	for _, w := range p.Work {
		if strings.HasPrefix(w.Name, detector.GANName+": t") {
			t.Errorf("%s is planned", w.Name)
		}
	}
	c, err := p.Run(t.Context())
	plugintest.Must(t, err)
	gan, err := detector.LoadGANAD(filepath.Join(o.Out, "gan-ad.safetensors"))
	plugintest.Must(t, err)
	was, _ := o.Incumbent.Detectors[1].(*detector.GANAD)
	if gan.Header().Digest != was.Header().Digest {
		t.Error("weights have changed")
	}
	vae, err := detector.LoadVAEAD(filepath.Join(o.Out, "vae-ad.safetensors"))
	plugintest.Must(t, err)
	if c.Kind != KindRetrain || c.Parts[0].Did != StartContinued || c.Parts[1].Did == StartContinued || vae.Digest() == o.Incumbent.Detectors[0].Digest() || len(c.Settings.Keep) != 2 {
		t.Errorf("%s, %+v", c.Kind, c.Parts)
	}

	for _, change := range c.Parts[2].Rungs {
		if learned := slices.Contains([]string{rungs.DidContinue, rungs.DidStay}, change.Did); learned == (change.Rung == rungs.NormalsOnly) {
			t.Errorf("%s: %s", change.Rung, change.Did)
		}
	}

	for _, keep := range [][]string{{"gan"}, {"rungs.json"}, o.Incumbent.names()} {
		o.Settings.Keep = keep
		if _, err := NewPlan(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", keep, err)
		}
	}
	o.Recalibrate, o.Settings.Keep = true, []string{detector.GANName}
	if _, err := NewPlan(o); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// From scratch nothing of the incumbent is left.
func TestScratch(t *testing.T) {
	o := options(t, load(t, nodules(140, 1)))
	o.Scratch, o.Attribution = true, "the site's"
	o.Settings.Epochs, o.Settings.Rates = 1, []float64{1e-3}
	c, err := plan(t, o).Run(t.Context())
	plugintest.Must(t, err)
	if c.Start != StartScratch {
		t.Error(c.Start)
	}
	for _, name := range []string{"vae-ad.safetensors", "gan-ad.safetensors"} {
		h, _, err := models.Load(filepath.Join(o.Out, name))
		if err != nil || h.Parent != "" || h.Attribution != "the site's" {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	r, err := rungs.Load(filepath.Join(o.Out, rungsFile))
	if err != nil || r.Attribution != "the site's" {
		t.Errorf("%q, %v", r.Attribution, err)
	}
}
