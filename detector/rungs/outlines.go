package rungs

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/nodule"
)

// Outlines finds the nodule of a sample; cube is the sample's.
type Outlines func(ctx context.Context, s *nodule.Sample, cube *nodule.Cube) (outline.Finding, error)

// What outlines, as a file of rungs names it: scores hold for what was trained with.
const (
	OutlineThreshold = "threshold"
	OutlineNetwork   = "network"
	OutlineReaders   = "readers"
)

// ByThreshold outlines without a network (outline.Region).
func ByThreshold(_ context.Context, _ *nodule.Sample, cube *nodule.Cube) (outline.Finding, error) {
	return outline.Finding{Place: outline.Place{SpacingMM: outline.Spacings[0]}, Cube: cube, Outline: outline.Region(cube)}, nil
}

// ByReaders takes the readers' masks: what outlines without an error would give.
// A nodule without one has an empty outline.
func ByReaders(_ context.Context, s *nodule.Sample, cube *nodule.Cube) (outline.Finding, error) {
	o := &outline.Outline{Mask: s.Mask()}
	if o.Mask == nil {
		o.Mask = make([]bool, nodule.CubeVoxels)
	}
	for _, in := range o.Mask {
		if in {
			o.Voxels++
		}
	}
	return outline.Finding{Place: outline.Place{SpacingMM: outline.Spacings[0]}, Cube: cube, Outline: o}, nil
}

// ByNetwork outlines as plugin/scoring does, in the cubes of the data set alone. No
// outline is refused as that of other tissue: what a reader has rated is a nodule,
// and one that is refused gets no score that could be wrong.
func ByNetwork(o *outline.Outliner) Outlines {
	o = o.WithoutTissue()
	return func(ctx context.Context, _ *nodule.Sample, cube *nodule.Cube) (outline.Finding, error) {
		found, err := o.Find(ctx, 1, outline.FromCubes([]*nodule.Cube{cube}))
		if err != nil {
			return outline.Finding{}, err
		}
		return found[0], nil
	}
}

// ByFolds outlines with the network of the patient's fold, which has not seen the
// patient: DIR/fold-N/unet.safetensors, as outline.CrossValidate writes them.
// Patients who are in no fold are refused.
func ByFolds(dir string) Outlines {
	networks := map[int]Outlines{}
	return func(ctx context.Context, s *nodule.Sample, cube *nodule.Cube) (outline.Finding, error) {
		fold, err := nodule.FoldOf(s.Patient)
		if err != nil {
			return outline.Finding{}, err
		}
		if networks[fold] == nil {
			o, err := outline.Load(filepath.Join(dir, fmt.Sprintf("fold-%d", fold), "unet.safetensors"))
			if err != nil {
				return outline.Finding{}, err
			}
			networks[fold] = ByNetwork(o)
		}
		return networks[fold](ctx, s, cube)
	}
}

// standInMM is the diameter of the ball that stands in where nothing was outlined.
const standInMM = 5

func standIn(cube *nodule.Cube) outline.Finding {
	o := &outline.Outline{Mask: make([]bool, nodule.CubeVoxels)}
	for i := range o.Mask {
		d := 0.0
		for _, stride := range [3]int{nodule.CubeSize * nodule.CubeSize, nodule.CubeSize, 1} {
			x := float64(i/stride%nodule.CubeSize) - (nodule.CubeSize-1)/2.0
			d += x * x
		}
		if o.Mask[i] = 4*d <= standInMM*standInMM; o.Mask[i] {
			o.Voxels++
		}
	}
	return outline.Finding{Place: outline.Place{SpacingMM: outline.Spacings[0]}, Cube: cube, Outline: o}
}

// Cases outlines and describes the nodules of a data set. Where nothing was
// outlined a ball of 5 mm at the candidate's place stands in, so that every table
// has all nodules; without is how many these are. progress may be nil.
func Cases(ctx context.Context, ds *nodule.Dataset, by Outlines, progress func(done, total int)) (cases []Case, without int, err error) {
	for i := range ds.Samples {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		s := &ds.Samples[i]
		v, found, err := Describe(ctx, s, by)
		if err != nil {
			return nil, 0, fmt.Errorf("nodule %d of the data set: %w", i, err)
		}
		if !found {
			without++
		}
		cases = append(cases, CaseOf(s, v))
		if progress != nil {
			progress(i+1, len(ds.Samples))
		}
	}
	return cases, without, nil
}

// Describe is Cases for one nodule: its features, and whether it was outlined.
func Describe(ctx context.Context, s *nodule.Sample, by Outlines) (v features.Vector, found bool, err error) {
	return describe(ctx, s, s.Cube(), by)
}

// describe is Describe for a cube that is not as the sample has it.
func describe(ctx context.Context, s *nodule.Sample, cube *nodule.Cube, by Outlines) (v features.Vector, found bool, err error) {
	f, err := by(ctx, s, cube)
	if err != nil {
		return v, false, err
	}
	if found = f.Found(); !found {
		f = standIn(cube)
	}
	v, err = features.Extract(f.Cube, f.Outline, f.SpacingMM)
	return v, found, err
}
