package retrain

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
)

// Thirty nodules teach nothing: what needs more is refused, and says how many there are.
func TestThirtyNodules(t *testing.T) {
	d := load(t, nodules(30, 3))
	for _, recalibrate := range []bool{false, true} {
		o := options(t, d)
		o.Recalibrate = recalibrate
		if recalibrate {
			o.Settings = Settings{}
		}
		_, err := NewPlan(o)
		plugintest.WantCode(t, err, CodeTooFew)
		if !strings.Contains(err.Error(), "there are") {
			t.Error(err)
		}
	}
}

// relabelled are nodules with one label changed into another.
func relabelled(samples []nodule.Sample, from, to int) []nodule.Sample {
	for i := range samples {
		if samples[i].Malignancy == from {
			samples[i].Malignancy, samples[i].Label = to, nodule.LabelOf(to)
		}
	}
	return samples
}

// One class only: without what looks benign nothing can be done; without what is
// suspicious detectors learn, have no probability, and say so; decisions cannot be
// learned from.
func TestOneClass(t *testing.T) {
	_, err := NewPlan(options(t, load(t, relabelled(nodules(140, 1), 2, 4))))
	plugintest.WantCode(t, err, CodeTooFew)
	o := options(t, load(t, relabelled(nodules(140, 1), 4, 3)))
	o.Mode = ModeDecisions
	_, err = NewPlan(o)
	plugintest.WantCode(t, err, CodeTooFew)
	o.Mode = ModeAuto
	o.Settings.Epochs, o.Settings.Rates = 1, []float64{1e-3}
	p := plan(t, o)
	if p.Mode != ModeUnlabelled || !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "One class") }) {
		t.Errorf("%s, %v", p.Mode, p.Warnings)
	}
	_, err = p.Run(t.Context())
	plugintest.Must(t, err)
	vae, err := detector.LoadVAEAD(filepath.Join(o.Out, "vae-ad.safetensors"))
	plugintest.Must(t, err)
	if c := vae.Calibration(); c.Logistic != nil || c.Anomalies != 0 {
		t.Errorf("%+v", c)
	}
	r, err := rungs.Load(filepath.Join(o.Out, rungsFile))
	plugintest.Must(t, err)
	for i := range r.Rungs {
		is, was := &r.Rungs[i], &o.Incumbent.Rungs.Rungs[i]
		if is.Calibration.Threshold != was.Calibration.Threshold || slices.Equal(is.Calibration.Reference, was.Calibration.Reference) {
			t.Errorf("%s: %v", is.Name, is.Calibration.Threshold)
		}
	}
}

// A nodule under two patients would be on two sides; one that is there twice counts
// once.
func TestTwoSides(t *testing.T) {
	samples := nodules(60, 1)
	twin := samples[7]
	twin.Nodule, twin.SeriesUID = "another", "another"
	d, err := LoadData(save(t, append(slices.Clone(samples), twin)), nil)
	plugintest.Must(t, err)
	if len(d.Set.Samples) != len(samples) || d.joined.Twice != 1 {
		t.Errorf("%d nodules, %+v", len(d.Set.Samples), d.joined)
	}
	one := save(t, samples)
	twin.Patient = "somebody else"
	_, err = LoadData(one, []string{save(t, []nodule.Sample{twin})})
	plugintest.WantCode(t, err, nodule.CodeSplitInvalid)
	if strings.Contains(err.Error(), "somebody") || strings.Contains(err.Error(), mark) {
		t.Error(err)
	}
	for i, a := range []*nodule.Dataset{d.Split.Train, d.Split.Validation, d.Split.Calibration, d.Split.Test} {
		for j, b := range []*nodule.Dataset{d.Split.Train, d.Split.Validation, d.Split.Calibration, d.Split.Test} {
			for _, s := range a.Samples {
				if i != j && slices.ContainsFunc(b.Samples, func(x nodule.Sample) bool { return x.Patient == s.Patient }) {
					t.Error("a patient is on two sides")
				}
			}
		}
	}
}

// withCard writes a card beside a data set.
func withCard(t *testing.T, path string, edit func(map[string]any)) {
	t.Helper()
	card := map[string]any{"format": "nodulescope-site-data/1", "preprocessing": []string{nodule.PreprocessingVersion, nodule.WholeVersion}, "files": map[string]string{}}
	edit(card)
	text, err := json.Marshal(card)
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(dataset.FilesOf(path).Card, text, 0o600))
}

// A data set that is not as its card says, or of another preprocessing, is refused.
func TestForeignData(t *testing.T) {
	path := save(t, nodules(20, 1))
	withCard(t, path, func(map[string]any) {})
	d, err := LoadData(path, nil)
	plugintest.Must(t, err)
	if d.Card == nil {
		t.Error("no card")
	}
	withCard(t, path, func(c map[string]any) { c["files"] = map[string]string{"site.npz": "sha256:0"} })
	_, err = LoadData(path, nil)
	plugintest.WantCode(t, err, dataset.CodeChanged)
	withCard(t, path, func(c map[string]any) { c["preprocessing"] = []string{"another"} })
	_, err = LoadData(path, nil)
	plugintest.WantCode(t, err, CodePreprocessing)
	_, err = LoadData(save(t, nodules(20, 2)), []string{path})
	plugintest.WantCode(t, err, CodePreprocessing)
}

// A candidate holds what its data were like, which drift is told from, and the card of
// the data set, without the names of nodules.
func TestCandidateTellsOfItsData(t *testing.T) {
	samples := nodules(140, 1)
	path := save(t, samples)
	withCard(t, path, func(c map[string]any) {
		c["counts"] = map[string]any{"nodules": len(samples)}
		c["label_noise"] = map[string]any{"disagree": 1, "nodules": []string{samples[0].Nodule}}
	})
	table := "series,nodule,manufacturer,kernel\n"
	for i := range samples {
		table += samples[i].SeriesUID + "," + samples[i].Nodule + ",SIEMENS,B31f\n"
	}
	plugintest.Must(t, os.WriteFile(dataset.FilesOf(path).Table, []byte(table), 0o600))
	d, err := LoadData(path, nil)
	plugintest.Must(t, err)
	o := options(t, d)
	o.Recalibrate, o.Settings = true, Settings{}
	c, err := plan(t, o).Run(t.Context())
	plugintest.Must(t, err)
	files := contentOf(t, o.Out)
	roles := map[string]string{}
	for _, f := range c.Files {
		roles[f.Role] = files[f.Name]
	}
	ref, err := drift.Decode([]byte(roles[RoleReference]))
	if err != nil || len(ref.Records) != len(samples)/2 || ref.Records[0].Names[drift.Kernel] != "B31f" || ref.Records[0].Numbers[drift.NoiseHU] == 0 {
		t.Errorf("%v, %d series, %+v", err, len(ref.Records), ref.Records[0])
	}
	var card dataset.Card
	plugintest.Must(t, json.Unmarshal([]byte(roles[RoleCard]), &card))
	if card.Counts.Nodules != len(samples) || card.Noise.Disagree != 1 || len(card.Noise.Nodules) != 0 {
		t.Errorf("%+v", card)
	}
	for name, text := range files {
		if strings.Contains(text, mark) {
			t.Errorf("%s names a patient, a series or a nodule", name)
		}
	}
}

// Models of another preprocessing, two of a kind, and rungs of another network's
// outlines are no incumbent.
func TestForeignIncumbent(t *testing.T) {
	d, err := plugintest.Untrained(1)
	plugintest.Must(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "vae.safetensors")
	plugintest.Must(t, d.Save(path))
	_, err = LoadSet(SetFiles{Detectors: []string{path, path}})
	plugintest.WantCode(t, err, CodeIncumbent)
	network := filepath.Join(dir, "outline.safetensors")
	plugintest.Must(t, plugintest.Network().Save(network))
	_, err = LoadSet(SetFiles{Detectors: []string{path}, Outline: network})
	plugintest.WantCode(t, err, CodeIncumbent)
	h := d.Header()
	h.Preprocessing = "another"
	plugintest.Must(t, models.Save(path, h, d.Params()))
	_, err = LoadSet(SetFiles{Detectors: []string{path}})
	plugintest.WantCode(t, err, CodePreprocessing)
}

// The state of another retraining, a damaged one, and one in use are refused; so is
// a candidate in the place of another.
func TestState(t *testing.T) {
	o := options(t, load(t, nodules(140, 1)))
	p := plan(t, o)
	s, err := openState(o.Dir, p.identity(), day)
	plugintest.Must(t, err)
	_, err = p.Run(t.Context())
	plugintest.WantCode(t, err, CodeLocked)
	plugintest.Must(t, s.keep(casesFile, [][]float64{}))
	plugintest.Must(t, s.close())
	other := o
	other.Seed = 7
	_, err = plan(t, other).Run(t.Context())
	plugintest.WantCode(t, err, CodeState)

	file := filepath.Join(o.Dir, casesFile)
	b, err := os.ReadFile(file)
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(file, []byte(strings.Replace(string(b), "[]", "[[1]]", 1)), 0o600))
	_, err = p.Run(t.Context())
	plugintest.WantCode(t, err, CodeState)
	plugintest.Must(t, os.Remove(file))

	plugintest.Must(t, os.MkdirAll(filepath.Join(o.Dir, "vae-1"), 0o700))
	plugintest.Must(t, os.WriteFile(filepath.Join(o.Dir, "vae-1", "state.safetensors"), []byte("damaged checkpoint"), 0o600))
	_, err = p.Run(t.Context())
	plugintest.WantCode(t, err, CodeState)
	plugintest.Must(t, os.RemoveAll(filepath.Join(o.Dir, "vae-1")))

	plugintest.Must(t, os.Mkdir(o.Out, 0o700))
	_, err = p.Run(t.Context())
	plugintest.WantCode(t, err, CodeWrite)
	plugintest.Must(t, os.Remove(o.Out))
	_, err = p.Run(t.Context())
	plugintest.Must(t, err)
}

// Options that contradict each other are refused.
func TestOptions(t *testing.T) {
	o := options(t, load(t, nodules(60, 1)))
	for _, edit := range []func(*Options){
		func(o *Options) { o.Recalibrate, o.Scratch = true, true },
		func(o *Options) { o.Recalibrate, o.Mode = true, ModeNormals },
		func(o *Options) { o.Settings.Rates = []float64{-1} },
	} {
		wrong := o
		edit(&wrong)
		if _, err := NewPlan(wrong); !errors.Is(err, ErrOptions) {
			t.Error(err)
		}
	}
}
