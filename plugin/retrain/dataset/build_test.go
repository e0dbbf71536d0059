package dataset

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Scored, decided, built, saved and read again: labels, outlines, measurements.
func TestBuild(t *testing.T) {
	s := newSite(t)
	first := s.add(ann, "1", [3]float64{})
	second := s.add(bob, "2", [3]float64{2, -1, 1})
	s.add(carol, "3", [3]float64{})
	s.decide(first, 0, "ZZMARKREADER", bus.Unsure, "", 1)
	s.decide(first, 0, "ZZMARKREADER", bus.Suspicious, "", 2)
	s.decide(second, 0, "ZZMARKREADER", bus.Benign, "", 1)
	set := s.build()
	path := filepath.Join(t.TempDir(), "site.npz")
	plugintest.Must(t, set.Save(path))
	ds, err := nodule.LoadNPZ(path)
	plugintest.Must(t, err)
	if len(ds.Samples) != 3 || ds.Layout != "full-32mm" || ds.Notes() != nil {
		t.Fatalf("%d rows of layout %s, %q", len(ds.Samples), ds.Layout, ds.Notes())
	}
	for i := range ds.Samples {
		x := &ds.Samples[i]
		var r *bus.Result
		want := nodule.Sample{Label: nodule.Indeterminate, Malignancy: 3, Unrated: true}
		switch x.Patient {
		case s.opt.Key.patient(ann.id):
			r, want = &s.in.Results[0], nodule.Sample{Label: nodule.Anomaly, Malignancy: 4, Readers: 1}
		case s.opt.Key.patient(bob.id):
			r, want = &s.in.Results[1], nodule.Sample{Label: nodule.Normal, Malignancy: 2, Readers: 1}
		case s.opt.Key.patient(carol.id):
			r = &s.in.Results[2]
		default:
			t.Fatal("another patient")
		}
		if x.Label != want.Label || x.Malignancy != want.Malignancy || x.Readers != want.Readers || x.Unrated != want.Unrated || x.Ratings["rating_1"] != want.Malignancy*want.Readers {
			t.Errorf("row %d: label %s, malignancy %d, %d readers, unrated %t, ratings %v", i, x.Label, x.Malignancy, x.Readers, x.Unrated, x.Ratings)
		}
		measured := r.Nodules[0].Outline.Measurements
		if math.Abs(x.DiameterMM-measured.DiameterMM) > 0.06 || math.Abs(x.MaskVolume-905) > 60 { // a ball of 6 mm radius
			t.Errorf("row %d: %.2f mm and %.0f voxels, the result has %.1f mm", i, x.DiameterMM, x.MaskVolume, measured.DiameterMM)
		}
		// The cube is the candidate's: the ball's middle is where it lies from there.
		var middle [3]float64
		for v, in := range x.Mask() {
			if in {
				for a, stride := range [3]int{1, 32, 1024} {
					middle[a] += (float64(v/stride%32) - 15.5) / x.MaskVolume
				}
			}
		}
		for a := range middle {
			if math.Abs(middle[a]+r.Nodules[0].PositionLPS[a]) > 0.3 {
				t.Errorf("row %d: the outline is %.1f mm off along axis %d", i, middle[a]+r.Nodules[0].PositionLPS[a], a)
			}
		}
		if _, err := nodule.FoldOf(x.Patient); err != nil {
			t.Error(err)
		}
	}
	c := set.Card
	if c.Counts != (Counts{Nodules: 3, Patients: 3, Series: 3, Normals: 1, Anomalies: 1, Unlabelled: 1}) || c.Outlined[maskResult] != 3 ||
		c.Spread.Kernel["B70"] != 3 || c.Spread.Manufacturer["Maker"] != 3 {
		t.Errorf("card %+v", c)
	}
}

// Nothing that is written names a patient, a reader, a folder or a UID.
func TestNothingNamesAPatient(t *testing.T) {
	s := newSite(t)
	r := s.add(ann, "1", [3]float64{}, [3]float64{0, 0, 60})
	s.decide(r, 0, "ZZMARKREADER", bus.Suspicious, "", 1)
	other := ann
	other.birth = "19900101"
	s.add(bob, "2", [3]float64{})
	dir := t.TempDir()
	plugintest.Must(t, s.build().Save(filepath.Join(dir, "site.npz")))
	s.add(other, "3", [3]float64{})
	s.in.Results = s.in.Results[:1]
	s.in.Folders = nil
	_, err := NewPlan(plugintest.Context(t), s.in, s.opt)
	plugintest.WantCode(t, err, CodeNothing)
	texts := map[string][]byte{"an error": []byte(err.Error())}
	for _, name := range plugintest.Files(t, dir) {
		b, err := os.ReadFile(name)
		plugintest.Must(t, err)
		texts[name] = b
	}
	ds, err := nodule.LoadNPZ(filepath.Join(dir, "site.npz"))
	plugintest.Must(t, err)
	for _, x := range ds.Samples { // what the archive holds is compressed
		texts["rows"] = append(texts["rows"], (x.Patient + x.Nodule + x.SeriesUID + "\n")...)
	}
	if len(texts) != 7 {
		t.Fatalf("%d texts", len(texts))
	}
	secret, err := os.ReadFile(filepath.Join(dir, "site_card.json"))
	plugintest.Must(t, err)
	if len(secret) == 0 || strings.Contains(string(secret), string(s.opt.Key.secret)) {
		t.Error("the card is empty or holds the key")
	}
	for name, text := range texts {
		for _, mark := range []string{"ZZMARK", "1.2.826", "19500101", "sha256:" + strings.TrimPrefix(r.Identity, "sha256:")} {
			if bytes.Contains(text, []byte(mark)) {
				t.Errorf("%s holds %s", name, mark)
			}
		}
	}
}

// The same input gives the same bytes in any order, and a patient keeps name, side
// and fold when others come.
func TestBuildGrows(t *testing.T) {
	s := newSite(t)
	s.decide(s.add(ann, "1", [3]float64{}), 0, "r", bus.Suspicious, "", 1)
	s.decide(s.add(bob, "2", [3]float64{}), 0, "r", bus.Benign, "", 1)
	dir := t.TempDir()
	before := s.build()
	plugintest.Must(t, before.Save(filepath.Join(dir, "site.npz")))
	slices.Reverse(s.in.Results)
	slices.Reverse(s.in.Reviews)
	files := FilesOf(filepath.Join(dir, "site.npz"))
	was := map[string][]byte{}
	for _, name := range files.list() {
		was[name], _ = os.ReadFile(name)
	}
	plugintest.Must(t, s.build().Save(filepath.Join(dir, "site.npz")))
	for _, name := range files.list() {
		if is, err := os.ReadFile(name); err != nil || len(is) == 0 || !bytes.Equal(is, was[name]) {
			t.Errorf("%s differs: %v", filepath.Base(name), err)
		}
	}
	s.add(carol, "3", [3]float64{})
	after := s.build()
	if len(after.Samples) != 3 {
		t.Fatalf("%d rows", len(after.Samples))
	}
	for i := range before.Samples {
		x := &before.Samples[i]
		at := slices.IndexFunc(after.Samples, func(y nodule.Sample) bool { return y.Nodule == x.Nodule })
		if at < 0 || after.Samples[at].Patient != x.Patient || sideOf(&after.Samples[at]) != sideOf(x) {
			t.Errorf("row %d has changed its name or side", i)
		}
	}
}

// What cannot be a row is told, with its code.
func TestExclusions(t *testing.T) {
	s := newSite(t)
	r := s.add(ann, "1", [3]float64{}, [3]float64{0, 0, 60}, [3]float64{0, 22, 0})
	s.decide(r, 0, "r", bus.Suspicious, "", 1)
	vessel := s.add(bob, "2", [3]float64{})
	s.decide(vessel, 0, "r", bus.Suspicious, "", 1)
	s.decide(vessel, 0, "q", bus.NotNodule, "vessel", 2)
	nobody := carol
	nobody.id = ""
	s.add(nobody, "3", [3]float64{})
	gone := *r
	gone.Identity, gone.SeriesUID = "sha256:gone", "1.2.3"
	s.in.Results = append(s.in.Results, gone)
	s.decide(&gone, 0, "r", bus.Suspicious, "", 1)
	s.in.Reviews = append(s.in.Reviews, bus.Review{Identity: "sha256:never", NoduleID: "n", Decision: "accept", Reviewer: "r", Version: 1})
	c := s.build().Card
	for code, want := range map[any][2]int{
		CodeNotNodule: {1, 1}, CodePatientUnknown: {1, 0}, CodeResultMissing: {0, 1}, dicomio.CodeSeriesNotFound: {3, 1},
		nodule.CodeCandidateOutside: {1, 0}, nodule.CodeCubePadding: {1, 0},
	} {
		if x := c.excluded(code); x.Nodules != want[0] || x.Decided != want[1] || x.Reason == "" {
			t.Errorf("%s: %d nodules, %d decided, want %v", code, x.Nodules, x.Decided, want)
		}
	}
	if c.Counts.Nodules != 1 || c.Noise.Several != 0 {
		t.Errorf("%+v, %+v", c.Counts, c.Noise)
	}
}

// Where nobody has decided, a place without a nodule is none; what a reader calls
// a nodule is outlined without the network where that finds nothing.
func TestNothingIsOutlined(t *testing.T) {
	s := newSite(t)
	s.add(ann, "1", [3]float64{})
	r := s.add(bob, "2", [3]float64{0, 14, 0})
	if o := r.Nodules[0].Outline; o == nil || o.Found {
		t.Fatalf("outline %+v", o)
	}
	if x := s.build().Card.excluded(outline.CodeNotFound); x.Nodules != 1 {
		t.Errorf("undecided: %+v", x)
	}
	s.decide(r, 0, "r", bus.Suspicious, "", 1)
	if c := s.build().Card; c.excluded(CodeUndescribed).Decided+c.Outlined[maskThreshold] != 1 {
		t.Errorf("decided: %+v", c)
	}
}

// Without the network of the result nodules are outlined all the same, and the
// card says so.
func TestAnotherNetwork(t *testing.T) {
	s := newSite(t)
	r := s.add(ann, "1", [3]float64{})
	r.Nodules[0].Outline.Digest = "sha256:another"
	if c := s.build().Card; c.Outlined[maskNetwork] != 1 {
		t.Errorf("%v", c.Outlined)
	}
	s.opt.Outliner = nil
	if c := s.build().Card; c.Outlined[maskThreshold] != 1 || c.Outliner != "" || len(c.Warnings) == 0 {
		t.Errorf("%v", c.Outlined)
	}
}
