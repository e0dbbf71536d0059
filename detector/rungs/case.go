package rungs

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// Codes of this package.
const (
	CodeTooFew   coded.Code = "rungs_too_few"    // fewer than MinNormals normals or others
	CodeOneClass coded.Code = "rungs_one_class"  // nothing to tell the normals from, or to calibrate on
	CodeConstant coded.Code = "feature_constant" // a feature has one value
	CodeRating   coded.Code = "rating_invalid"   // a rating or diameter is no number, or impossible
	CodeInvalid  coded.Code = "rungs_invalid"    // a file of rungs that cannot be used
)

// OutsideRange is the limit of use of a score that has Score.Outside.
const OutsideRange coded.Code = "outside_training_range"

// MinNormals is how many normals, and how many others, a training needs.
const MinNormals = 20

// Case is a nodule to learn from.
type Case struct {
	Patient    string
	Label      nodule.Label
	Readers    int     // how many rated it; 0: not known
	Rating     float64 // mean of the readers' ratings, 1 to 5
	Unrated    bool    // by any reader: Rating says nothing, and readers-ratings does not learn from it
	DiameterMM float64 // 0: not known
	Features   features.Vector
}

// CaseOf is the case of a sample whose features are known. Where the set has no
// ratings of single readers, its malignancy stands for their mean.
func CaseOf(s *nodule.Sample, v features.Vector) Case {
	c := Case{Patient: s.Patient, Label: s.Label, Readers: s.Readers, Unrated: s.Unrated, DiameterMM: s.DiameterMM, Features: v, Rating: float64(s.Malignancy)}
	sum, n := 0, 0
	for k := 1; k <= 4; k++ {
		if r := s.Ratings[fmt.Sprintf("rating_%d", k)]; r > 0 {
			sum, n = sum+r, n+1
		}
	}
	if n > 0 {
		c.Rating = float64(sum) / float64(n)
	}
	return c
}

// weight of a case: one opinion is worth less than four.
func (c *Case) weight() float64 { return float64(max(c.Readers, 1)) / 2 }

// Groups of patients that are held out in turn: the plan's folds, and for
// patients who are in none a group by a digest of their name.
func groupOf(patient string) int {
	if fold, err := nodule.FoldOf(patient); err == nil {
		return fold
	}
	sum := sha256.Sum256([]byte(patient))
	return 1 + int(sum[0])%nodule.PlannedFolds
}

// usable refuses cases that nothing can be learned from, and leaves out the
// patients who are held out of everything.
func usable(cases []Case) ([]Case, error) {
	refuse := func(code coded.Code, hint string) ([]Case, error) {
		return nil, coded.New(code, "train rungs", hint, nil)
	}
	cases, count, err := numbers(cases)
	if err != nil {
		return nil, err
	}
	if n := count[nodule.Normal]; n < MinNormals {
		return refuse(CodeTooFew, fmt.Sprintf("%d normal nodules; %d are needed: name a larger set", n, MinNormals))
	}
	if count[nodule.Anomaly] == 0 {
		return refuse(CodeOneClass, "no nodule is rated 4 or 5: there is nothing to calibrate on; name a set with both classes")
	}
	if n := len(cases) - count[nodule.Normal]; n < MinNormals {
		return refuse(CodeTooFew, fmt.Sprintf("%d nodules beside the normals; %d are needed: name a larger set", n, MinNormals))
	}
	for k, f := range features.All() {
		if !slices.ContainsFunc(cases, func(c Case) bool { return c.Features[k] != cases[0].Features[k] }) {
			return refuse(CodeConstant, "the feature "+f.Name+" has one value in all cases: check the outlines, or name a larger set")
		}
	}
	return cases, nil
}

// numbers refuses cases that are no numbers, leaves out the patients who are held
// out of everything, and counts the others by label.
func numbers(cases []Case) (kept []Case, count [3]int, err error) {
	kept = slices.DeleteFunc(slices.Clone(cases), func(c Case) bool { return slices.Contains(nodule.HeldOutPatients(), c.Patient) })
	for i := range kept {
		c := &kept[i]
		for k, x := range c.Features {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, count, coded.New(features.CodeNotFinite, "train rungs", fmt.Sprintf("the feature %s of case %d is no number; extract it again", features.All()[k].Name, i), nil)
			}
		}
		if !(c.Rating >= 1 && c.Rating <= 5) || !(c.DiameterMM >= 0) || math.IsInf(c.DiameterMM, 0) {
			return nil, count, coded.New(CodeRating, "train rungs", fmt.Sprintf("case %d has a rating that is not 1 to 5, or a diameter that is no number", i), nil)
		}
		count[c.Label]++
	}
	return kept, count, nil
}

// DiameterNoise is the spread of a detector's diameter around the readers', as a
// share of it: the diameter of a detector is simulated as d·exp(N(0, 0.15)).
const DiameterNoise = 0.15

// Simulated is the diameter that a detector might give for a case.
func Simulated(diameterMM, noise float64, seed uint64, row int) float64 {
	rng := rand.New(rand.NewPCG(seed, uint64(row))) //nolint:gosec // a row
	return diameterMM * math.Exp(noise*rng.NormFloat64())
}

// columns are what a model sees of a case: its features, and the logarithm of the
// diameter where it is given.
func columns(v features.Vector, diameterMM float64, given bool) []float64 {
	x := slices.Clone(v[:])
	if given {
		x = append(x, math.Log(diameterMM))
	}
	return x
}
