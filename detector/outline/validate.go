package outline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// Moved is how far a candidate is moved to see what that changes, mm.
const Moved = 3.0

// Errors of CrossValidate.
var (
	ErrNoMasks = errors.New("outline: the data set has no masks, or not of all nodules")
	ErrNoFold  = errors.New("outline: no such fold")
)

// DefaultSettings are those of the figures in docs/evaluation.md.
func DefaultSettings() models.OutlineSettings {
	return models.OutlineSettings{Epochs: 20, Batch: 8, Rate: 3e-3}
}

// Options of CrossValidate.
type Options struct {
	Settings    models.OutlineSettings // Seed is that of the first fold: one more for every other
	UNet        models.UNet
	Folds       []int  // which; empty: all
	Dir         string // keeps state and network of every fold; empty: nothing is kept
	Attribution string // of the data, kept in the networks
	Progress    func(fold int, p models.OutlineProgress)
	Compute     compute.Options
}

// Nodule is how one nodule of a fold was outlined by the network that has not
// seen its patient.
type Nodule struct {
	Row        int     // of the data set
	Fold       int     // from 1
	DiameterMM float64 // of the sphere with the volume of the readers' mask
	Network    Agreement
	Threshold  Agreement
}

// Agreement of an outline with the readers' mask.
type Agreement struct {
	Dice     float64 // 2 |A and B|/(|A| + |B|)
	VolumeMM float64 // mm³
	Error    float64 // |volume - readers'|/readers'
	Change   float64 // of the volume, relative, when the candidate is moved by Moved in a random direction
}

// CrossValidate trains a network for every fold on the nodules of the other folds
// and outlines those of the fold. A data set without masks is refused, and one
// with patients who are in no fold.
func CrossValidate(ctx context.Context, ds *nodule.Dataset, o Options) ([]Nodule, error) {
	if err := nodule.CheckFolds(ds); err != nil {
		return nil, err
	}
	if len(o.Folds) == 0 {
		o.Folds = []int{1, 2, 3, 4, 5}
	}
	var all []Nodule
	for _, fold := range o.Folds {
		if fold < 1 || fold > nodule.PlannedFolds {
			return nil, fmt.Errorf("%w: %d: want 1 to %d", ErrNoFold, fold, nodule.PlannedFolds)
		}
		out, err := o.fold(ctx, ds, fold)
		if err != nil {
			return nil, fmt.Errorf("fold %d: %w", fold, err)
		}
		all = append(all, out...)
	}
	return all, nil
}

func (o Options) fold(ctx context.Context, ds *nodule.Dataset, fold int) ([]Nodule, error) {
	var rows []int // of the fold
	train := ds.Filter(func(s *nodule.Sample) bool {
		f, err := nodule.FoldOf(s.Patient)
		return err == nil && f != fold
	})
	for i := range ds.Samples {
		if f, err := nodule.FoldOf(ds.Samples[i].Patient); err == nil && f == fold {
			rows = append(rows, i)
		}
	}
	samples := Samples(train.Samples).(samples)
	if len(samples) < len(train.Samples) || len(rows) == 0 {
		return nil, ErrNoMasks
	}
	drawn, err := phantomSamples(ctx, nil)
	if err != nil {
		return nil, err
	}
	samples = append(samples, drawn...)
	run := models.OutlineRun{UNet: o.UNet, Train: samples, Settings: o.Settings, Compute: o.Compute,
		Header: models.Header{Preprocessing: nodule.WholeVersion, DataDigest: ds.Digest(), Attribution: o.Attribution}}
	run.Settings.Seed += uint64(fold - 1) //nolint:gosec // 0 to 4
	if o.Progress != nil {
		run.Progress = func(p models.OutlineProgress) { o.Progress(fold, p) }
	}
	if o.Dir != "" {
		run.Dir = filepath.Join(o.Dir, fmt.Sprintf("fold-%d", fold))
	}
	trained, err := models.TrainUNet(ctx, run)
	if err != nil {
		return nil, err
	}
	if o.Dir != "" {
		if err := trained.Save(filepath.Join(run.Dir, "unet.safetensors")); err != nil {
			return nil, err
		}
	}
	out, err := New(trained, o.Compute)
	if err != nil {
		return nil, err
	}
	var all []Nodule
	for _, row := range rows {
		n, err := out.compare(ctx, &ds.Samples[row], uint64(row)) //nolint:gosec // a row
		if err != nil {
			return nil, err
		}
		n.Row, n.Fold = row, fold
		all = append(all, n)
	}
	return all, nil
}

// compare outlines a nodule and the same from a moved candidate.
func (o *Outliner) compare(ctx context.Context, s *nodule.Sample, seed uint64) (Nodule, error) {
	cube, mask := s.Cube(), s.Mask()
	shift := direction(rand.New(rand.NewPCG(seed, Moved)))
	for a := range shift {
		shift[a] *= Moved
	}
	cubes := FromCubes([]*nodule.Cube{cube, Move(cube, shift)})
	n := Nodule{DiameterMM: s.MaskDiameterMM()}
	for _, way := range []struct {
		by  by
		out *Agreement
	}{{o.Outline, &n.Network}, {func(c *nodule.Cube) (*Outline, error) { return Threshold(c), nil }, &n.Threshold}} {
		found, err := find(ctx, 2, cubes, way.by, nil)
		if err != nil {
			return n, err
		}
		*way.out = agreement(found[0].inPlace(), found[0].Outline.Voxels, found[1].Outline.Voxels, mask)
	}
	return n, nil
}

// inPlace is the mask on the grid of the cube around the candidate, of voxels of
// 1 mm.
func (f *Finding) inPlace() []bool {
	mask := make([]bool, voxels)
	for i, in := range f.Outline.Mask {
		at, inside := 0, in
		for a, stride := range [3]int{edge * edge, edge, 1} {
			k := i/stride%edge + int(math.Round(f.ShiftMM[a]))
			inside = inside && k >= 0 && k < edge
			at += k * stride
		}
		if inside {
			mask[at] = true
		}
	}
	return mask
}

// agreement of an outline on the grid of the readers' mask; volume and that from
// the moved candidate in mm³.
func agreement(outlined []bool, volume, moved int, mask []bool) Agreement {
	var both, readers float64
	for i, in := range mask {
		if in {
			readers++
			if outlined[i] {
				both++
			}
		}
	}
	v := float64(volume)
	return Agreement{Dice: 2 * both / (v + readers), VolumeMM: v, Error: math.Abs(v-readers) / readers,
		Change: math.Abs(float64(moved)-v) / math.Max(v, 1)}
}

// direction is a random unit vector.
func direction(rng *rand.Rand) [3]float64 {
	d := [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
	length := math.Sqrt(d[0]*d[0] + d[1]*d[1] + d[2]*d[2])
	for a := range d {
		d[a] /= length
	}
	return d
}

// Move is the cube around a point that lies shift (z, y, x) mm from the
// middle of another, by trilinear interpolation. What that does not hold is not
// valid.
func Move(cube *nodule.Cube, shift [3]float64) *nodule.Cube {
	out := &nodule.Cube{HU: make([]float32, voxels), Valid: make([]bool, voxels)}
	p := place{point: [3]float64{middle + shift[0], middle + shift[1], middle + shift[2]},
		at: [3]float64{middle, middle, middle}, axes: [3][3]float64{{1}, {0, 1}, {0, 0, 1}}}
	valid := make([]float32, voxels)
	p.resample(cube.HU, cube.Valid, out.HU, valid)
	for i, v := range valid {
		if out.Valid[i] = v > 0.999; !out.Valid[i] {
			out.HU[i] = nodule.InvalidHU
		}
	}
	return out
}
