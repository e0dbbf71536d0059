package bus

import (
	"fmt"
	"strings"
)

// Rungs name the models that score what is measured of outlines: the one that
// gives the headline of every nodule, and those that knew less of readers.
type Rungs struct {
	Digest string `json:"digest"` // of their file
	Rungs  []Rung `json:"rungs"`
}

// Rung describes one of them, and what its operating point did in its
// calibration, on patients that it had not seen.
type Rung struct {
	Rung       string  `json:"rung"`       // normals-only, normals-unlabelled or readers-ratings
	Diameter   bool    `json:"diameter"`   // it also takes the detector's diameter
	Prevalence float64 `json:"prevalence"` // at which its probabilities are told: that of the calibration, or the site's
	Threshold  float64 `json:"threshold"`  // operating point: raw score above which a nodule is flagged

	Sensitivity Share `json:"sensitivity"` // share of the anomalies that it flagged
	Specificity Share `json:"specificity"` // share of the normals that it did not flag
}

// Share is a proportion with its 95 % interval.
type Share struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count int     `json:"count"`
	Of    int     `json:"of"`
}

// Headline is the one answer on a nodule: what its outline's measurements say of
// it. The scores of other models stand beside it and do not change it.
type Headline struct {
	RungScore

	// Outside are measurements beyond the range of the training: the score is then
	// no ground to call the nodule normal.
	Outside []string `json:"outside_training_range,omitempty"`

	// Parts are the measurements that count most in the score, largest first.
	Parts []Part `json:"parts"`

	// Others are the scores of the other rungs.
	Others []RungScore `json:"others"`
}

// RungScore is what one rung says of a nodule.
type RungScore struct {
	Rung        string  `json:"rung"`
	Diameter    bool    `json:"diameter"` // the detector's diameter was used
	Raw         float64 `json:"raw"`
	Probability float64 `json:"probability"` // at the prevalence of the rung
	Low         float64 `json:"low"`         // its 95 % interval
	High        float64 `json:"high"`
	Percentile  float64 `json:"percentile"` // among reference normals
	Flagged     bool    `json:"flagged"`
}

// Part is a measurement and what it does to the score.
type Part struct {
	Feature string  `json:"feature"`        // stable name
	About   string  `json:"about"`          // what it is, in words
	Unit    string  `json:"unit,omitempty"` // of Value and Typical
	Value   float64 `json:"value"`
	Typical float64 `json:"typical"` // of what the rung was trained on
	Adds    float64 `json:"adds"`    // by how much the logit of the probability is higher than with the typical value
}

// String is a part on one line, such as "volume 1340 mm3 (typical 212), raises".
func (p Part) String() string {
	verb := "raises"
	if p.Adds < 0 {
		verb = "lowers"
	}
	value := strings.TrimSpace(fmt.Sprintf("%.3g %s", p.Value, strings.ReplaceAll(p.Unit, "³", "3")))
	return fmt.Sprintf("%s %s (typical %.3g) %s it", p.About, value, p.Typical, verb)
}

// RungOf is the rung that gave a score; nil where the result does not describe it.
func (r *Result) RungOf(s *RungScore) *Rung {
	if r.Rungs == nil {
		return nil
	}
	for i := range r.Rungs.Rungs {
		if g := &r.Rungs.Rungs[i]; g.Rung == s.Rung && g.Diameter == s.Diameter {
			return g
		}
	}
	return nil
}
