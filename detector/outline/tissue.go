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
	Scheme      string      `json:"scheme"`
	Network     string      `json:"network"`     // digest of the network's weights
	DataDigest  string      `json:"data_digest"` // of the data set of the training
	Attribution string      `json:"attribution,omitempty"`
	Traits      []string    `json:"traits"`
	Scale       stats.Scale `json:"scale"`
	Weight      []float64   `json:"weight"`   // of the standardised traits, then of their products, the constant last
	Cuts        [3]float64  `json:"cuts"`     // of the logit, for each band of the outline's size: what is less is no nodule
	Examples    [2]int      `json:"examples"` // of the training: outlines of other tissue, of nodules
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
	n := len(traitNames)
	columns := [][]float64{t.Scale.Low, t.Scale.High, t.Scale.Mean, t.Scale.SD}
	switch {
	case t.Scheme != tissueScheme:
		return nil, fmt.Errorf("%w: scheme %.60q, this program has %q: train it again", errTissue, t.Scheme, tissueScheme)
	case t.Network != network:
		return nil, fmt.Errorf("%w: it was trained for another network, %.80q: train it again for this one", errTissue, t.Network)
	case !slices.Equal(t.Traits, traitNames[:]) || len(t.Weight) != n+n*(n+1)/2+1 || slices.ContainsFunc(columns, func(c []float64) bool { return len(c) != n }):
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
func (t *Tissue) logitOf(traits []float64) float64 {
	if traits == nil {
		return 0
	}
	return stats.Linear(t.Weight, products(t.Scale.Apply(traits)))
}

// massMM is the diameter from which an outline in a cube of more than 32 mm is that
// of a mass, which is larger than what the regression has learned from.
const massMM = 30

// refuse takes the outline from a finding that is no nodule. A mass is never taken
// for other tissue.
func (t *Tissue) refuse(f *Finding) {
	if !f.Found() || f.SpacingMM > Spacings[0] && float64(f.Outline.Voxels)*f.SpacingMM*f.SpacingMM*f.SpacingMM > math.Pi/6*massMM*massMM*massMM {
		return
	}
	if v := f.traits(); t.logitOf(v) < t.Cuts[tissueBand(v)] {
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
