package detector

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// patches are samples as a network sees them.
type patches struct {
	version string
	cubes   []*nodule.Cube
	augment bool
}

// Patches are nodules as a network sees them: for training sub-patches drawn anew
// every time (nodule.Augment), else the central patch.
func Patches(samples []nodule.Sample, augment bool) models.Samples {
	return PatchesAs(nodule.PreprocessingVersion, samples, augment)
}

// PatchesAs are Patches as a network of another preprocessing sees them.
func PatchesAs(version string, samples []nodule.Sample, augment bool) models.Samples {
	p := patches{version: version, augment: augment}
	for i := range samples {
		p.cubes = append(p.cubes, samples[i].Cube())
	}
	return p
}

// Len implements models.Samples.
func (p patches) Len() int { return len(p.cubes) }

// Patch implements models.Samples: augmented for training, central otherwise.
func (p patches) Patch(i int, rng *rand.Rand, x, support []float32) {
	patch := nodule.Central
	if p.augment {
		patch = func(c *nodule.Cube) nodule.Patch { return nodule.Augment(c, rng) }
	}
	q := patch(p.cubes[i]).As(p.version)
	copy(x, q.Voxels)
	copy(support, q.Support)
}

// Normals are the nodules of a data set that are labelled normal.
func Normals(ds *nodule.Dataset) []nodule.Sample {
	return ds.Filter(func(s *nodule.Sample) bool { return s.Label == nodule.Normal }).Samples
}

// BatchSize is how many samples are scored at a time: as many as a search
// takes at once.
const BatchSize = 16

// ScoreSamples scores the central patch of every sample. progress, if not nil,
// is told how many are done.
func ScoreSamples(ctx context.Context, d Detector, samples []nodule.Sample, progress func(done int)) ([]Score, error) {
	out := make([]Score, 0, len(samples))
	for len(out) < len(samples) {
		from := len(out)
		var batch []nodule.Patch
		for i := from; i < min(from+BatchSize, len(samples)); i++ {
			batch = append(batch, nodule.Central(samples[i].Cube()))
		}
		s, err := d.Score(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("detector: nodules %d to %d of the data set: %w", from, from+len(batch)-1, err)
		}
		out = append(out, s...)
		if progress != nil {
			progress(len(out))
		}
	}
	return out, nil
}
