package evaluation

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
)

func (v *evaluator) line(s *nodule.Sample) Scored {
	return Scored{Seed: v.o.Seed, Fold: v.o.Fold, Patient: s.Patient, Unverified: !s.PatientVerified, Nodule: s.Nodule,
		Label: s.Label, Malignancy: s.Malignancy, DiameterMM: s.DiameterMM}
}

// modelFree are the values of the baselines; NaN: not known.
func (v *evaluator) modelFree(s *nodule.Sample, p nodule.Patch) []detector.Term {
	known := func(x float64) float64 {
		if x == 0 {
			return math.NaN()
		}
		return x
	}
	diameter, sphere, share := known(s.DiameterMM), math.NaN(), s.Inside
	if s.DiameterOfMask {
		diameter = math.NaN()
	}
	if s.MaskVolume > 0 {
		sphere = s.MaskDiameterMM()
	}
	if !v.shares {
		share = math.NaN()
	}
	support := float64(p.SupportCount())
	var sum float64
	for j, w := range p.Support {
		sum += float64(w * p.Voxels[j])
	}
	distance, near := math.NaN(), math.NaN()
	if v.mean != nil {
		distance = meanDistance(p, v.mean)
	}
	if v.nearest != nil {
		near = v.nearest.distance(p, s.Patient)
	}
	return []detector.Term{
		{Name: RowDiameter, Value: diameter}, {Name: RowMaskShare, Value: share}, {Name: RowMaskVolume, Value: known(s.MaskVolume)}, {Name: RowMaskDiameter, Value: sphere},
		{Name: RowSupport, Value: support}, {Name: RowIntensitySum, Value: sum}, {Name: RowIntensity, Value: sum / support}, {Name: RowMeanImage, Value: distance}, {Name: RowNearest, Value: near},
	}
}

// reasons say why a row of this data may be missing.
func (v *evaluator) reasons(ds *nodule.Dataset) map[string]string {
	r := map[string]string{
		RowDiameter:     "the file gives no diameter",
		RowMaskShare:    "every cube is complete",
		RowMaskVolume:   "the file has no mask of the nodule",
		RowMaskDiameter: "the file has no mask of the nodule",
		RowMeanImage:    "no mean normal image: neither training normals nor the model's file give one",
		RowNearest:      "the training normals were not given",
	}
	if v.nearest != nil {
		r[RowNearest] = fmt.Sprintf("fewer than %d training normals of other patients", nearestK)
	}
	for i := range ds.Samples {
		if ds.Samples[i].MaskVolume > 0 {
			if ds.Samples[i].DiameterOfMask {
				r[RowDiameter] += "; sizes are those of a sphere of the mask's volume, a row of its own"
			}
			r[RowMaskVolume] = "the mask is empty"
			r[RowMaskDiameter] = r[RowMaskVolume]
			break
		}
	}
	return r
}

// notes say what the patients make of the figures.
func (v *evaluator) notes(scored []Scored) []string {
	var out []string
	unverified, seen := 0, 0
	trained := map[string]bool{}
	for i := range v.o.Neighbours {
		trained[v.o.Neighbours[i].Patient] = true
	}
	for i := range scored {
		if scored[i].Unverified {
			unverified++
		}
		if trained[scored[i].Patient] {
			seen++
		}
	}
	if unverified > 0 {
		out = append(out, fmt.Sprintf("%d of %d nodules are of patients that could not be verified: they may be patients of the training set under another name.", unverified, len(scored)))
	}
	if seen > 0 {
		out = append(out, fmt.Sprintf("%d of %d nodules are of patients of the training normals: these figures flatter the detector.", seen, len(scored)))
	}
	return out
}
