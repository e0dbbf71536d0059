package detector

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/nodule"
)

// Row is one way to rank nodules, and how well it does.
type Row struct {
	Name    string `json:"name"`
	Model   bool   `json:"model"` // a detector, not a row that needs no model
	Overall AUROC  `json:"overall"`
	Matched AUROC  `json:"size_matched"` // NaN-free: Normals 0 where no pair is close in size
}

// Evaluation is the table of a set of labelled nodules.
type Evaluation struct {
	Detector    string   `json:"detector"`
	Digest      string   `json:"digest"`
	Data        string   `json:"data"` // digest of the file
	Nodules     int      `json:"nodules"`
	Patients    int      `json:"patients"`
	Normals     int      `json:"normals"`
	Anomalies   int      `json:"anomalies"`
	Prevalence  float64  `json:"prevalence"`
	Calibration string   `json:"calibration"`
	Brier       *float64 `json:"brier"`       // of the probability; nil where uncalibrated
	BrierPrior  float64  `json:"brier_prior"` // of the prevalence as everybody's probability
	Threshold   float64  `json:"threshold"`
	Sensitivity float64  `json:"sensitivity"` // at the threshold
	Specificity float64  `json:"specificity"`
	MatchMM     float64  `json:"match_mm"`
	Rows        []Row    `json:"rows"`
	Scored      []Scored `json:"-"`
	ranks       []ranking
}

// Scored is a labelled nodule with its score and what needs no model.
type Scored struct {
	Sample    *nodule.Sample
	Score     Score
	Support   float64 // voxels that count
	Intensity float64 // sum of the normalised voxels of the support
	MeanDist  float64 // mean squared distance to the mean normal patch; NaN without one
}

type ranking struct {
	name   string
	model  bool
	scores []float64
}

// MeanPatch is the mean of the central patches of nodules, voxel by voxel over
// those whose support has the voxel; 0 where none has.
func MeanPatch(samples []nodule.Sample) []float32 {
	sum, n := make([]float64, nodule.PatchVoxels), make([]float64, nodule.PatchVoxels)
	for i := range samples {
		p := nodule.Central(samples[i].Cube())
		for j, s := range p.Support {
			sum[j] += float64(s * p.Voxels[j])
			n[j] += float64(s)
		}
	}
	mean := make([]float32, len(sum))
	for j := range sum {
		if n[j] > 0 {
			mean[j] = float32(sum[j] / n[j])
		}
	}
	return mean
}

// Evaluate scores the nodules labelled normal or anomaly and ranks them in
// every way: the detector's raw score, its terms, and the rows that need no
// model. mean is the mean normal patch of the training set, or nil. Larger is
// taken for more anomalous in every row; the sign was fixed beforehand.
func Evaluate(ctx context.Context, d *VAEAD, ds *nodule.Dataset, mean []float32, progress func(done, total int)) (*Evaluation, error) {
	labelled := ds.Filter(func(s *nodule.Sample) bool { return s.Label != nodule.Indeterminate })
	tell := func(int) {}
	if progress != nil {
		tell = func(done int) { progress(done, len(labelled.Samples)) }
	}
	scores, err := ScoreSamples(ctx, d, labelled.Samples, tell)
	if err != nil {
		return nil, err
	}
	c := d.Calibration()
	e := &Evaluation{Detector: d.Name(), Digest: d.Digest(), Data: ds.Digest(), Nodules: len(scores),
		Calibration: c.Name(), Threshold: c.Threshold, MatchMM: MatchMM}
	anomalous := make([]bool, len(scores))
	patients := map[string]bool{}
	var hit, pass float64
	for i := range scores {
		s := &labelled.Samples[i]
		anomalous[i] = s.Label == nodule.Anomaly
		patients[s.Patient] = true
		p := nodule.Central(s.Cube())
		e.Scored = append(e.Scored, describe(s, scores[i], p, mean))
		switch {
		case anomalous[i]:
			e.Anomalies++
			if scores[i].Anomalous {
				hit++
			}
		default:
			e.Normals++
			if !scores[i].Anomalous {
				pass++
			}
		}
	}
	if e.Normals == 0 || e.Anomalies == 0 {
		return nil, fmt.Errorf("detector: %d normal and %d anomalous nodules: both classes are needed to evaluate", e.Normals, e.Anomalies)
	}
	e.Patients = len(patients)
	e.Prevalence = float64(e.Anomalies) / float64(e.Nodules)
	e.Sensitivity, e.Specificity = hit/float64(e.Anomalies), pass/float64(e.Normals)
	e.brier(anomalous)
	return e, e.rank(anomalous)
}

func describe(s *nodule.Sample, score Score, p nodule.Patch, mean []float32) Scored {
	r := Scored{Sample: s, Score: score, Support: float64(p.SupportCount()), MeanDist: math.NaN()}
	var dist float64
	for j, w := range p.Support {
		r.Intensity += float64(w * p.Voxels[j])
		if mean != nil {
			d := float64(p.Voxels[j] - mean[j])
			dist += float64(w) * d * d
		}
	}
	if mean != nil {
		r.MeanDist = dist / r.Support
	}
	return r
}

func (e *Evaluation) brier(anomalous []bool) {
	e.BrierPrior = e.Prevalence * (1 - e.Prevalence)
	var sum float64
	for i, s := range e.Scored {
		if s.Score.Probability == nil {
			return
		}
		y := 0.0
		if anomalous[i] {
			y = 1
		}
		d := *s.Score.Probability - y
		sum += d * d / float64(len(e.Scored))
	}
	e.Brier = &sum
}

// rank fills the rows.
func (e *Evaluation) rank(anomalous []bool) error {
	add := func(name string, model bool, value func(*Scored) float64) {
		r := ranking{name: name, model: model}
		for i := range e.Scored {
			v := value(&e.Scored[i])
			if math.IsNaN(v) {
				return // not known for this data
			}
			r.scores = append(r.scores, v)
		}
		e.ranks = append(e.ranks, r)
	}
	known := func(v float64) float64 {
		if v == 0 {
			return math.NaN()
		}
		return v
	}
	add("vae-ad: reconstruction per voxel (the score)", true, func(s *Scored) float64 { return s.Score.Raw })
	add("vae-ad: reconstruction, sum", true, func(s *Scored) float64 { return s.Score.Sum })
	add("vae-ad: KL", true, func(s *Scored) float64 { return s.Score.KL })
	add("vae-ad: reconstruction + KL", true, func(s *Scored) float64 { return s.Score.Sum + s.Score.KL })
	add("diameter only", false, func(s *Scored) float64 { return known(s.Sample.DiameterMM) })
	if slices.ContainsFunc(e.Scored, func(s Scored) bool { return s.Sample.Inside < 1 }) {
		add("mask only: share of the cube with data", false, func(s *Scored) float64 { return s.Sample.Inside })
	}
	add("mask only: volume", false, func(s *Scored) float64 { return known(s.Sample.MaskVolume) })
	add("support only: voxels that count", false, func(s *Scored) float64 { return s.Support })
	add("intensity only: sum over the support", false, func(s *Scored) float64 { return s.Intensity })
	add("mean image: distance to the mean normal", false, func(s *Scored) float64 { return s.MeanDist })
	diameters, patients := make([]float64, len(e.Scored)), make([]string, len(e.Scored))
	for i, s := range e.Scored {
		diameters[i], patients[i] = s.Sample.DiameterMM, s.Sample.Patient
	}
	for _, r := range e.ranks {
		a, err := DeLong(r.scores, anomalous)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		e.Rows = append(e.Rows, Row{r.name, r.model, a, SizeMatched(r.scores, anomalous, diameters, patients)})
	}
	return nil
}
