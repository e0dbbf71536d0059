package retrain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
)

// Data are the nodules that a retraining uses.
type Data struct {
	Set   *nodule.Dataset
	Split *nodule.Split
	Card  *dataset.Card // of the first file; nil: it has none

	joined nodule.Joined
	sets   []SetFacts

	reference []byte // what the site's data are like, see package drift; nil: it has no table
}

// SetFacts say what a file of nodules was.
type SetFacts struct {
	Digest  string `json:"digest"`
	Card    string `json:"card,omitempty"` // digest of the decisions that it was built of
	Nodules int    `json:"nodules"`
}

// LoadData reads the data set of a site and further ones. A file that is not as
// its card says is refused with dataset.CodeChanged, a card of another
// preprocessing with CodePreprocessing, and the same nodule under two patients with
// nodule.CodeSplitInvalid.
func LoadData(path string, with []string) (*Data, error) {
	d := &Data{}
	var all []*nodule.Dataset
	for i, name := range append([]string{path}, with...) {
		ds, err := nodule.LoadNPZ(name)
		if err != nil {
			return nil, err
		}
		card, err := checkedCard(name)
		if err != nil {
			return nil, err
		}
		facts := SetFacts{Digest: ds.Digest(), Nodules: len(ds.Samples)}
		if card != nil {
			facts.Card = card.Inputs.Decisions.Digest
		}
		if i == 0 {
			d.Card = card
			if d.reference, err = referenceOf(name, ds); err != nil {
				return nil, err
			}
		}
		all, d.sets = append(all, ds), append(d.sets, facts)
	}
	var err error
	if d.Set, d.joined, err = nodule.Join(all...); err != nil {
		return nil, err
	}
	d.Split, err = detector.Protocol{}.Split(d.Set)
	return d, err
}

// checkedCard is the card of a data set whose files are as it says; nil where there
// is none.
func checkedCard(path string) (*dataset.Card, error) {
	card, err := dataset.ReadCard(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a set from elsewhere has none
	}
	if err != nil {
		return nil, err
	}
	if !nodule.KnowsPatches(card.Preprocessing) || !slices.Contains(card.Preprocessing, nodule.WholeVersion) {
		return nil, refuse(CodePreprocessing, "load data set", "it was built with another preprocessing ("+strings.Join(card.Preprocessing, ", ")+"); build it anew with this program", nil)
	}
	diff, err := dataset.Check(path, nil)
	if err == nil && diff.Any() {
		err = refuse(dataset.CodeChanged, "load data set", strings.Join(diff.Files, "; ")+"; build anew", nil)
	}
	return card, err
}

// learned are the nodules of every side but the test side.
func (d *Data) learned() *nodule.Dataset {
	all := *d.Split.Train
	all.Samples = slices.Concat(d.Split.Train.Samples, d.Split.Validation.Samples, d.Split.Calibration.Samples)
	return &all
}

// unseen are labelled nodules that a detector can be calibrated on, and more
// normals: those of the calibration side, and for a detector of the binary those
// of all patients of the site but the test side.
func (d *Data) unseen(of detector.Detector) (labelled *nodule.Dataset, more []nodule.Sample) {
	everybody := shipped(of)
	site := func(s *nodule.Sample) bool { return everybody && strings.HasPrefix(s.Patient, nodule.SitePatient) }
	labelled = &nodule.Dataset{Samples: slices.Clone(d.Split.Calibration.Samples)}
	for _, side := range []*nodule.Dataset{d.Split.Train, d.Split.Validation} {
		labelled.Samples = append(labelled.Samples, side.Filter(site).Samples...)
	}
	more = detector.Normals(d.Split.Validation.Filter(func(s *nodule.Sample) bool { return !site(s) }))
	return labelled, more
}

// Side is how many nodules of a side there are, by label.
type Side struct {
	Name       string `json:"name"`
	For        string `json:"for"`
	Patients   int    `json:"patients"`
	Normals    int    `json:"normals"`
	Anomalies  int    `json:"anomalies"`
	Unlabelled int    `json:"unlabelled"`
}

func (d *Data) sides() []Side {
	var out []Side
	for _, x := range []struct {
		name, use string
		side      *nodule.Dataset
	}{
		{"training", "networks learn from the normals; rungs from all", d.Split.Train},
		{"validation", "chooses epoch and rate; rungs learn", d.Split.Validation},
		{"calibration", "probability and threshold; rungs learn", d.Split.Calibration},
		{"test", "not looked at: it compares candidate and incumbent", d.Split.Test},
	} {
		out = append(out, count(x.name, x.use, x.side))
	}
	return out
}

func count(name, use string, ds *nodule.Dataset) Side {
	s := Side{Name: name, For: use}
	patients := map[string]bool{}
	for i := range ds.Samples {
		patients[ds.Samples[i].Patient] = true
		switch ds.Samples[i].Label {
		case nodule.Normal:
			s.Normals++
		case nodule.Anomaly:
			s.Anomalies++
		default:
			s.Unlabelled++
		}
	}
	s.Patients = len(patients)
	return s
}

// text is a side in words.
func (s Side) text() string {
	return fmt.Sprintf("%d patients, %d normals, %d anomalies, %d unlabelled", s.Patients, s.Normals, s.Anomalies, s.Unlabelled)
}

// referenceOf makes of the table beside a data set what drift is told from; nil: there
// is none.
func referenceOf(path string, ds *nodule.Dataset) ([]byte, error) {
	f, err := os.Open(strings.TrimSuffix(path, ".npz") + "_nodules.csv")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("retrain: read table of nodules: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	noise := map[string]float64{}
	for i := range ds.Samples {
		s := &ds.Samples[i]
		if hu, known := drift.Noise(s.Cube()); known {
			noise[s.Nodule] = hu
		}
	}
	r, err := drift.FromTable(f, noise)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}
