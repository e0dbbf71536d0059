package experiment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// Results of a run. Everything in it is made of the scores in the run folder.
type Results struct {
	Experiment     string          `json:"experiment"`
	Detector       string          `json:"detector"`
	Settings       json.RawMessage `json:"settings"`
	SettingsDigest string          `json:"settings_digest"`
	Data           string          `json:"data"`
	Paper          Paper           `json:"paper"`
	TestScored     int             `json:"test_scored"` // mnist: networks of this folder that were scored on the test files
	Sets           []Set           `json:"sets"`
	Diversity      *models.Spread  `json:"diversity,omitempty"` // of the samples of the first generator

	Report string `json:"-"` // where the report is
}

// Paper is the AUROC that the paper reports for the experiment, with the
// interval that Hanley and McNeil (1982) give for its numbers of cases.
type Paper struct {
	AUROC float64 `json:"auroc"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Where string  `json:"where"`
}

// paper returns the paper's figure.
func (s Settings) paper() Paper {
	vae := s.VAE != nil
	switch {
	case s.Experiment == MNIST && vae:
		return Paper{0.84, 0.81, 0.87, "figure 8: VAE-AD, MNIST, 450 + 450"}
	case s.Experiment == MNIST:
		return Paper{0.66, 0.63, 0.70, "figure 5: GAN-AD, MNIST, 450 + 450"}
	case vae:
		return Paper{0.62, 0.55, 0.69, "VAE-AD, NLST, 120 + 120"}
	}
	return Paper{0.58, 0.51, 0.65, "figure 12: GAN-AD, NLST, 120 + 120"}
}

// Set is what was scored, and by which networks.
type Set struct {
	Name  string                 `json:"name"`
	About string                 `json:"about"`
	Runs  *evaluation.Runs       `json:"runs"`             // a table per network, and how far they lie apart
	Means []Mean                 `json:"means,omitempty"`  // over networks that scored the same cases
	Pool  *evaluation.Evaluation `json:"pooled,omitempty"` // of folds: every nodule once, scores as Pooling says
	How   string                 `json:"pooling,omitempty"`
	all   [][]evaluation.Scored  // per network
}

// Mean is a row over several networks.
type Mean struct {
	Name     string        `json:"name"`
	Model    bool          `json:"model"`
	Average  stats.Average `json:"auroc"`
	Together *stats.AUROC  `json:"together,omitempty"` // of the mean of the networks' scores of a case
}

// mean by name; nil where there is none.
func (s *Set) mean(name string) *Mean {
	for i := range s.Means {
		if s.Means[i].Name == name {
			return &s.Means[i]
		}
	}
	return nil
}

// detectorName is the row of the score.
func (s Settings) detectorName() string {
	if s.VAE != nil {
		return detector.VAEName
	}
	return detector.GANName
}

// collect makes the results of what lies in the run folder.
func (o Options) collect(ctx context.Context) (*Results, error) {
	s, dir := o.Settings, folder(o.Dir)
	data, err := dir.read(dataFile)
	if err != nil {
		return nil, err
	}
	r := &Results{Experiment: s.Experiment, Detector: s.Detector, Settings: s.JSON(), SettingsDigest: s.Digest(),
		Data: string(bytes.TrimSpace(data)), Paper: s.paper()}
	var seeds, folds []unit
	for _, u := range s.units() {
		if u.fold > 0 {
			folds = append(folds, u)
		} else {
			seeds = append(seeds, u)
		}
	}
	notes, err := o.notes(seeds[0])
	if err != nil {
		return nil, err
	}
	r.Diversity = notes.Spread
	if s.Experiment == MNIST {
		return r, o.collectImages(ctx, r, seeds)
	}
	fixed, err := o.set(ctx, testSide, "Patients that took part in nothing else: one split by patient, the same for every network.", seeds, scoresOf(testSide))
	if err != nil {
		return nil, err
	}
	r.Sets = append(r.Sets, *fixed)
	if len(folds) > 0 {
		about := fmt.Sprintf("Every patient but two is tested once, by the network that did not train on that patient's fold (%d %s instead of %d).",
			s.length(folds[0]), s.lengthUnit(), s.length(seeds[0]))
		crossed, err := o.set(ctx, "cross-validation", about, folds, scoresOf(testSide))
		if err != nil {
			return nil, err
		}
		r.Sets = append(r.Sets, *crossed)
	}
	return r, nil
}

func (o Options) collectImages(ctx context.Context, r *Results, seeds []unit) error {
	choice, err := o.set(ctx, "choice set", "Drawn from the training files, apart from what the networks learned from. Whatever is chosen is chosen here.", seeds, scoresOf(choiceSet))
	if err != nil {
		return err
	}
	r.Sets = append(r.Sets, *choice)
	if !folder(o.Dir).has(testFile) {
		return nil
	}
	b, err := folder(o.Dir).read(testFile)
	if err != nil {
		return err
	}
	var mark testMark
	if err := json.Unmarshal(b, &mark); err != nil {
		return fmt.Errorf("experiment: %s: %w", folder(o.Dir).path(testFile), err)
	}
	r.TestScored = len(mark.Scored)
	for _, u := range seeds {
		if !o.unit(u).has(scoresOf(testSet)) && !folder(o.Dir).has(scoresOf(testSet)) {
			return nil // not all are scored yet
		}
	}
	test, err := o.set(ctx, testFilesName, "Drawn from the test files. Nothing was chosen on them.", seeds, scoresOf(testSet))
	if err != nil {
		return err
	}
	r.Sets = append(r.Sets, *test)
	return nil
}

// set reads the scores of some units and makes their tables.
func (o Options) set(ctx context.Context, name, about string, units []unit, file string) (*Set, error) {
	s := &Set{Name: name, About: about}
	options := evaluation.TableOptions{}
	if o.Settings.Experiment == MNIST {
		options.Unit = "images"
	}
	var err error
	if s.all, err = o.scores(units, file); err != nil {
		return nil, err
	}
	scored := slices.Concat(s.all...)
	notes, err := o.notes(units[0])
	if err != nil {
		return nil, err
	}
	options.Reasons, options.Notes = notes.Reasons, notes.Notes
	if units[0].fold > 0 {
		if s.Runs, err = evaluation.ByFold(ctx, scored, options); err != nil {
			return nil, err
		}
		return s, s.pool(ctx, scored, options)
	}
	if s.Runs, err = evaluation.BySeed(ctx, scored, options); err != nil {
		return nil, err
	}
	return s, s.average()
}

// pool makes one table of all folds.
func (s *Set) pool(ctx context.Context, scored []evaluation.Scored, o evaluation.TableOptions) error {
	how := evaluation.PoolProbability
	for i := range scored {
		for _, v := range scored[i].Predictions {
			if math.IsNaN(v.Probability) {
				how = evaluation.PoolPercentile
			}
		}
	}
	pooled, err := evaluation.PoolFolds(scored, how)
	if err != nil {
		return err
	}
	s.How = string(how)
	s.Pool, err = evaluation.Tabulate(ctx, pooled, o)
	return err
}

// average makes the rows over all networks of a set.
func (s *Set) average() error {
	for _, row := range s.Runs.Rows {
		first := s.Runs.Single[0]
		var anomalous []bool
		var patients []string
		scores := make([][]float64, len(s.Runs.Single))
		for i := range first.Scored {
			v := first.Scored[i].Value(row.Name)
			if first.Scored[i].Label == nodule.Indeterminate || math.IsNaN(v) {
				continue
			}
			anomalous, patients = append(anomalous, anomaly(&first.Scored[i])), append(patients, first.Scored[i].Patient)
			for k, e := range s.Runs.Single { // in the same order
				scores[k] = append(scores[k], e.Scored[i].Value(row.Name))
			}
		}
		m := Mean{Name: row.Name, Model: row.Model}
		var err error
		if !row.Model { // the same for every network
			scores = scores[:1]
		}
		if m.Average, err = stats.AverageAUROC(scores, anomalous, patients); err != nil {
			return fmt.Errorf("experiment: row %q: %w", row.Name, err)
		}
		if len(scores) > 1 {
			together := make([]float64, len(anomalous))
			for _, one := range scores {
				for i, v := range one {
					together[i] += v / float64(len(scores))
				}
			}
			a, err := stats.DeLong(together, anomalous)
			if err != nil {
				return fmt.Errorf("experiment: row %q: %w", row.Name, err)
			}
			m.Together = &a
		}
		s.Means = append(s.Means, m)
	}
	return nil
}

func anomaly(s *evaluation.Scored) bool { return s.Label == nodule.Anomaly }
