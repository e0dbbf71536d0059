package outline

import (
	"encoding/json"
	"errors"
	"fmt"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// tissueScheme changes when the traits, or how they are put together, do.
const tissueScheme = "nodulescope/tissue/v1"

// Tissue tells the outline of a nodule from that of a vessel, the chest wall or
// other tissue, by the outline's traits: a logistic regression on them, their
// squares and products. It is trained for one network, see TrainTissue, since
// networks differ in what they take for a nodule.
type Tissue struct {
	Scheme      string   `json:"scheme"`
	Network     string   `json:"network"`     // digest of the network's weights
	DataDigest  string   `json:"data_digest"` // of the data set of the training
	Attribution string   `json:"attribution,omitempty"`
	Traits      []string `json:"traits"`
	regression
	Cuts     [3]float64 `json:"cuts"` // of the logit, for each band of the outline's size: what is less is no nodule
	Lung     *lungPart  `json:"lung,omitempty"`
	Examples [2]int     `json:"examples"` // of the training: outlines of other tissue, of nodules
}

// regression of traits, their squares and products.
type regression struct {
	Scale  stats.Scale `json:"scale"`
	Weight []float64   `json:"weight"` // of the standardised traits, then of their products, the constant last
}

// lungPart is a second regression, of nodules against what is outlined in aerated
// lung. In one regression for both fewer vessels were told from nodules.
type lungPart struct {
	regression
	Cut float64 `json:"cut"` // of the logit: what is less is no nodule
}

// fits says whether the regression has the numbers that it needs.
func (g *regression) fits() bool {
	n := len(traitNames)
	columns := [][]float64{g.Scale.Low, g.Scale.High, g.Scale.Mean, g.Scale.SD}
	return len(g.Weight) == n+n*(n+1)/2+1 && !slices.ContainsFunc(columns, func(c []float64) bool { return len(c) != n })
}

// tissueBands are the diameters at which the bands of Tissue.Cuts end, mm.
var tissueBands = [2]float64{6, 9}

// tissueBand is the band of an outline with these traits.
func tissueBand(traits []float64) int {
	band, d := 0, math.Exp(traits[traitSize])
	for band < len(tissueBands) && d >= tissueBands[band] {
		band++
	}
	return band
}

var errTissue = errors.New("outline: unusable file of tissue")

// decodeTissue reads a file that Save wrote, for a network.
func decodeTissue(b []byte, network string) (*Tissue, error) {
	t := new(Tissue)
	if err := json.Unmarshal(b, t); err != nil {
		return nil, fmt.Errorf("%w: %w", errTissue, err)
	}
	switch {
	case t.Scheme != tissueScheme:
		return nil, fmt.Errorf("%w: scheme %.60q, this program has %q: train it again", errTissue, t.Scheme, tissueScheme)
	case t.Network != network:
		return nil, fmt.Errorf("%w: it was trained for another network, %.80q: train it again for this one", errTissue, t.Network)
	case !slices.Equal(t.Traits, traitNames[:]) || !t.fits() || t.Lung != nil && !t.Lung.fits():
		return nil, fmt.Errorf("%w: its traits are not those of this program: train it again", errTissue)
	}
	return t, nil
}

// Save writes the regression to the file that goes with that of its network, so
// that a crash leaves the old or the new.
func (t *Tissue) Save(network string) error {
	b, err := json.MarshalIndent(t, "", "\t")
	if err != nil {
		return fmt.Errorf("outline: encode tissue: %w", err)
	}
	return atomicfile.WriteBytes(TissueFile(network), 0o644, append(b, '\n'))
}

// TissueFile is the file of Tissue that goes with that of a network:
// unet-tissue.json beside unet.safetensors.
func TissueFile(network string) string {
	return strings.TrimSuffix(network, filepath.Ext(network)) + "-tissue.json"
}

// digest names the regression and its cut.
func (t *Tissue) digest() string {
	h := digest.New()
	b, _ := json.Marshal(t) // numbers and texts only
	h.Text(string(b))
	return h.Digest()
}

// logitOf traits: above 0 they are more like those of a nodule than of other
// tissue. 0 without traits.
func (g *regression) logitOf(traits []float64) float64 {
	if traits == nil {
		return 0
	}
	return stats.Linear(g.Weight, products(g.Scale.Apply(traits)))
}

// An outline in a cube of more than 32 mm is that of a mass, which is larger than
// what the regression has learned from, from a diameter of massMM on, where the
// largest ball inside has massDepth of its radius: the chest wall is flatter.
const (
	massMM    = 30
	massDepth = 0.7
)

// refuse takes the outline from a finding that is no nodule. A mass is never taken
// for other tissue.
func (t *Tissue) refuse(f *Finding) {
	if !f.Found() {
		return
	}
	v := f.traits()
	if f.SpacingMM > Spacings[0] && math.Exp(v[traitSize]) > massMM && v[traitDepth] >= massDepth {
		return
	}
	if t.logitOf(v) < t.Cuts[tissueBand(v)] || t.Lung != nil && t.Lung.logitOf(v) < t.Lung.Cut {
		f.Outline = &Outline{Probability: f.Outline.Probability, Mask: make([]bool, voxels), Machine: f.Outline.Machine}
	}
}

// mostDeviations bounds a standardised trait.
const mostDeviations = 3

// products are standardised traits, their squares and products.
func products(z []float64) []float64 {
	n := len(z)
	out := make([]float64, n, n+n*(n+1)/2)
	for i, v := range z {
		out[i] = math.Max(-mostDeviations, math.Min(mostDeviations, v))
	}
	for i := range n {
		for j := i; j < n; j++ {
			out = append(out, out[i]*out[j])
		}
	}
	return out
}
