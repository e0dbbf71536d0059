package dataset

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
)

// cardFormat names the layout of the card.
const cardFormat = "nodulescope-site-data/1"

// Card says what a data set is made of and what it is good for. It names no
// patient.
type Card struct {
	Format        string            `json:"format"`
	Software      string            `json:"software"`
	Preprocessing []string          `json:"preprocessing"`
	Key           string            `json:"key"` // fingerprint of the site's
	Files         map[string]string `json:"files"`
	Inputs        Inputs            `json:"inputs"`
	Outliner      string            `json:"outliner,omitempty"` // digest of the network
	Labels        []Label           `json:"labels"`

	Counts     Counts         `json:"counts"`
	Sides      []Side         `json:"sides"`
	Exclusions []Exclusion    `json:"exclusions"`
	Noise      Noise          `json:"label_noise"`
	Outlined   map[string]int `json:"outlined_by"`
	Renamed    int            `json:"patients_with_two_names"` // same id and birth date
	Spread     Spread         `json:"distribution"`
	Training   []Compared     `json:"against_training"`
	Enough     []Enough       `json:"enough_for"`
	Warnings   []string       `json:"warnings"`
}

// Inputs say what was given, so that a change is seen.
type Inputs struct {
	Results   Digested `json:"results"`
	Decisions Digested `json:"decisions"`
	Series    Digested `json:"series"`
}

// Digested is a number of things and a digest over all of them.
type Digested struct {
	Count  int    `json:"count"`
	Digest string `json:"digest"`
}

// Counts of what is in the data set.
type Counts struct {
	Nodules    int `json:"nodules"`
	Patients   int `json:"patients"`
	Series     int `json:"series"`
	Normals    int `json:"normals"`
	Anomalies  int `json:"anomalies"`
	Unlabelled int `json:"unlabelled"`
	Unsure     int `json:"unsure"` // of the unlabelled: somebody has looked
}

// Side is a side of the split that 'train' and 'evaluate' make.
type Side struct {
	Name      string `json:"name"`
	Patients  int    `json:"patients"`
	Normals   int    `json:"normals"`
	Anomalies int    `json:"anomalies"`
	Others    int    `json:"others"`
}

// Noise is how far readers differ.
type Noise struct {
	Several  int      `json:"nodules_with_several_readers"`
	Disagree int      `json:"disagree"`
	Nodules  []string `json:"nodules"` // pseudonyms, 200 at most
}

const maxNoise = 200

// Training is a shipped model, as far as its header tells what it learned from.
type Training struct {
	Model      string
	Digest     string
	DiameterMM *[2]float64 // smallest and largest of its normals; nil: not told
}

// Compared is a data set beside what a model learned from.
type Compared struct {
	Model      string      `json:"model"`
	Digest     string      `json:"digest"`
	DiameterMM *[2]float64 `json:"diameter_mm"`
	Outside    int         `json:"nodules_outside"`
	Of         int         `json:"of"`
	Note       string      `json:"note"`
}

// sides of the split, in its order.
var sideNames = []string{"training", "validation", "calibration", "test"}

// split divides samples as 'train' does.
func split(samples []nodule.Sample) []*nodule.Dataset {
	s, err := detector.Protocol{}.Split(&nodule.Dataset{Samples: samples})
	if err != nil {
		panic("dataset: a sample without a patient: " + err.Error())
	}
	return []*nodule.Dataset{s.Train, s.Validation, s.Calibration, s.Test}
}

func sideOf(s *nodule.Sample) string {
	for i, d := range split([]nodule.Sample{*s}) {
		if len(d.Samples) > 0 {
			return sideNames[i]
		}
	}
	return ""
}

// labelOf is the label of a row.
func labelOf(s *nodule.Sample) bus.Label {
	switch s.Label {
	case nodule.Anomaly:
		return bus.LabelAnomaly
	case nodule.Normal:
		return bus.LabelNormal
	}
	return bus.Unlabelled
}

// summary digests what was given. Names are pseudonyms: nobody without the key can
// try whether a patient is among them.
func (p *Plan) summary(results map[string]*bus.Result, scans map[string]*scan) Inputs {
	one := func(parts ...string) string { return p.opt.Key.name("input", parts...) }
	sum := func(items []string) Digested {
		slices.Sort(items)
		items = slices.Compact(items)
		d := digest.New()
		d.Count(len(items))
		d.Text(items...)
		return Digested{len(items), d.Digest()}
	}
	var r, d, s []string
	for id := range results {
		r = append(r, one(id))
	}
	for i := range p.in.Reviews {
		v := p.in.Reviews[i].Migrated()
		d = append(d, one(v.Identity, v.NoduleID, v.Reviewer, string(v.Verdict), string(v.Kind), whole(v.Version), v.Time.UTC().String()))
	}
	for uid, scan := range scans {
		images := ""
		if scan.series != nil {
			images = scan.series.InstanceDigest()
		}
		s = append(s, one(uid, string(scan.code), images))
	}
	return Inputs{sum(r), sum(d), sum(s)}
}

// card describes a set.
func (p *Plan) card(s *Set, out *exclusions) Card {
	c := Card{
		Format: cardFormat, Software: p.opt.Software, Preprocessing: []string{nodule.PreprocessingVersion, nodule.WholeVersion},
		Key: p.opt.Key.Fingerprint(), Inputs: p.inputs, Labels: Labels(), Exclusions: out.list(), Outlined: map[string]int{}, Training: []Compared{},
	}
	if p.opt.Outliner != nil {
		c.Outliner = p.opt.Outliner.Digest()
	}
	patients, series := map[string]bool{}, map[string]bool{}
	for i := range s.rows {
		m, x := &s.rows[i], &s.Samples[i]
		patients[x.Patient], series[x.SeriesUID] = true, true
		c.Outlined[m.source]++
		switch labelOf(x) {
		case bus.LabelNormal:
			c.Counts.Normals++
		case bus.LabelAnomaly:
			c.Counts.Anomalies++
		default:
			if c.Counts.Unlabelled++; m.decided() {
				c.Counts.Unsure++
			}
		}
		if len(m.opinions) > 1 {
			c.Noise.Several++
		}
		if disagree(m.opinions) {
			if c.Noise.Disagree++; len(c.Noise.Nodules) < maxNoise {
				c.Noise.Nodules = append(c.Noise.Nodules, x.Nodule)
			}
		}
	}
	c.Counts.Nodules, c.Counts.Patients, c.Counts.Series = len(s.rows), len(patients), len(series)
	for _, who := range p.people.byID {
		if who.renamed && !who.conflict {
			c.Renamed++
		}
	}
	for i, side := range split(s.Samples) {
		c.Sides = append(c.Sides, countSide(sideNames[i], side))
	}
	c.Spread = spreadOf(s)
	for _, t := range p.opt.Training {
		c.Training = append(c.Training, compare(t, s))
	}
	c.judge()
	return c
}

func countSide(name string, d *nodule.Dataset) Side {
	side := Side{Name: name}
	patients := map[string]bool{}
	for i := range d.Samples {
		patients[d.Samples[i].Patient] = true
		switch d.Samples[i].Label {
		case nodule.Normal:
			side.Normals++
		case nodule.Anomaly:
			side.Anomalies++
		default:
			side.Others++
		}
	}
	side.Patients = len(patients)
	return side
}

func compare(t Training, s *Set) Compared {
	c := Compared{Model: t.Model, Digest: t.Digest, DiameterMM: t.DiameterMM, Of: len(s.Samples)}
	if t.DiameterMM == nil {
		c.Note = "the model does not tell what it learned from"
		return c
	}
	c.Note = "kernel, thickness and scanners of its training are not in its header"
	for i := range s.Samples {
		if d := s.Samples[i].DiameterMM; d < t.DiameterMM[0] || d > t.DiameterMM[1] {
			c.Outside++
		}
	}
	return c
}

// halfWidth is half of the 95 % interval of an AUROC of auc with n normals and m
// anomalies (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747). NaN
// where a class is missing.
func halfWidth(auc float64, n, m int) float64 {
	if n == 0 || m == 0 {
		return math.NaN()
	}
	q1, q2 := auc/(2-auc), 2*auc*auc/(1+auc)
	v := auc*(1-auc) + float64(m-1)*(q1-auc*auc) + float64(n-1)*(q2-auc*auc)
	return 1.96 * math.Sqrt(v/float64(n*m))
}
