package gate

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

// DefaultPhantoms is how many synthetic scans a reference has: with four nodules each
// enough for an interval of about 0.01 around a change in AUROC.
const DefaultPhantoms = 120

// phantomSeed is where the scans of the reference come from: always the same ones.
const phantomSeed = 0x67617465

// phantomKinds are what the nodules of a scan are in turn, with diameters that
// overlap, so that size alone does not tell them apart.
var phantomKinds = []struct {
	kind      phantom.Kind
	label     nodule.Label
	low, high float64 // diameter, mm
}{
	{phantom.SmallSolid, nodule.Normal, 4, 9}, {phantom.Spiculated, nodule.Anomaly, 7, 20},
	{phantom.Calcified, nodule.Normal, 5, 11}, {phantom.PartSolid, nodule.Anomaly, 8, 18},
}

// Phantoms makes the reference that no label of a site can move: n synthetic scans of
// one patient each, half of them of a sharp kernel, with two nodules that are benign
// by their make and two that are not. The same n gives the same nodules.
func Phantoms(ctx context.Context, n int, progress func(done, total int)) (*nodule.Dataset, string, error) {
	return phantoms(ctx, phantomSeed, n, mixed, progress)
}

// mixed is the reference's scanner: every other scan has a sharp kernel.
func mixed(k int, spec *phantom.Spec) {
	if k%2 == 1 {
		spec.Kernel = phantom.Sharp
	}
}

// phantoms makes n scans by a scanner, which sets kernel and noise of scan k.
func phantoms(ctx context.Context, seed uint64, n int, scanner func(k int, spec *phantom.Spec), progress func(done, total int)) (*nodule.Dataset, string, error) {
	ds := &nodule.Dataset{}
	h := digest.New()
	h.Text("nodulescope reference phantoms 1")
	for k := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(k)))                                                             //nolint:gosec // counted
		spec := phantom.Spec{Seed: seed + uint64(k), Slices: 60, Rows: 160, SpacingMM: [3]float64{2.5, 2.2, 2.2}} //nolint:gosec // counted
		scanner(k, &spec)
		for _, kind := range phantomKinds {
			spec.Nodules = append(spec.Nodules, phantom.Nodule{Kind: kind.kind, DiameterMM: kind.low + (kind.high-kind.low)*rng.Float64()})
		}
		p, err := phantom.Generate(spec)
		if err != nil {
			return nil, "", fmt.Errorf("gate: make phantom %d: %w", k, err)
		}
		cutter, err := nodule.NewCutter(p.Geometry(), p, nodule.CutOptions{})
		if err != nil {
			return nil, "", fmt.Errorf("gate: cut phantom %d: %w", k, err)
		}
		cuts, err := cutter.CutAll(ctx, p.Candidates())
		if err != nil {
			return nil, "", fmt.Errorf("gate: cut phantom %d: %w", k, err)
		}
		for i, truth := range p.Nodules() {
			if cuts[i].Err != nil {
				continue // at the edge of the scan
			}
			s := nodule.NewSample(cuts[i].Cube, nil)
			s.Patient, s.Nodule, s.DiameterMM = fmt.Sprintf("phantom-%d", k), truth.ID, truth.DiameterMM
			s.Malignancy = 2
			for _, kind := range phantomKinds {
				if kind.kind == truth.Kind {
					s.Label = kind.label
				}
			}
			if s.Label == nodule.Anomaly {
				s.Malignancy = 4
			}
			patch := nodule.Central(s.Cube()).Digest()
			h.Text(s.Patient, s.Nodule, s.Label.String(), string(patch[:]))
			ds.Samples = append(ds.Samples, s)
		}
		if progress != nil {
			progress(k+1, n)
		}
	}
	return ds, h.Digest(), nil
}
