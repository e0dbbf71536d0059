package rungs

import (
	"context"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// density is a kind of model of the features' density.
type density struct {
	name string
	flow models.Flow
	size bool // the density of all else, given the size
}

// densities are those that the rungs are set beside. Their sizes were not chosen
// by any score.
func densities() []density {
	return []density{
		{"MADE", models.Flow{Kind: models.MADE, Layers: 1, Hidden: 64}, false},
		{"MAF", models.Flow{Kind: models.MAF, Layers: 4, Hidden: 64}, false},
		{"RealNVP", models.Flow{Kind: models.RealNVP, Layers: 6, Hidden: 64}, false},
		{"MAF given the size", models.Flow{Kind: models.MAF, Layers: 4, Hidden: 64}, true},
	}
}

// Rows of densities: how improbable a nodule is among the normals, and how much
// more so than among all nodules, rated or not.
func densityRow(d density) string { return "normals: " + d.name }
func ratioRow(d density) string   { return "ratio: " + d.name }

// widest is how far from the mean a standardised feature counts, deviations: a
// density far outside of what it was trained on means nothing.
const widest = 5

// densities adds the rows of the densities to those of a cross-validation: each is
// trained on the training patients of a fold, one fold of which chooses the epoch.
func (o *Options) densities(ctx context.Context, cases []Case, folds []int, add func(string, int) *column, tick func()) error {
	s := newSet(cases, false, 0, 0)
	all := densities()
	normal, ratio := make([]*column, len(all)), make([]*column, len(all))
	for k, d := range all {
		normal[k], ratio[k] = add(densityRow(d), o.Seeds), add(ratioRow(d), o.Seeds)
	}
	for _, fold := range o.Folds {
		train := s.pick(func(i int) bool { return folds[i] != fold })
		held := fold%nodule.PlannedFolds + 1 // of the training, for the epoch
		for k, d := range all {
			for seed := range o.Seeds {
				background, err := d.fit(ctx, train, held, false, uint64(seed+1)) //nolint:gosec // small
				if err != nil {
					return fmt.Errorf("fold %d, %s of all: %w", fold, d.name, err)
				}
				normals, err := d.fit(ctx, train, held, true, uint64(seed+1)) //nolint:gosec // small
				if err != nil {
					return fmt.Errorf("fold %d, %s of normals: %w", fold, d.name, err)
				}
				for i, x := range s.rows {
					if folds[i] != fold {
						continue
					}
					a, err := normals(x)
					if err != nil {
						return err
					}
					b, err := background(x)
					if err != nil {
						return err
					}
					normal[k].scores[seed][i], ratio[k].scores[seed][i] = a, a-b
				}
				tick()
			}
		}
	}
	return nil
}

// fit trains a density on the normals of a set, or on all of it, and returns what
// scores a row: nats.
func (d density) fit(ctx context.Context, s *set, held int, normals bool, seed uint64) (func(x []float64) (float64, error), error) {
	used := s.pick(func(i int) bool { return !normals || s.cases[i].Label == nodule.Normal })
	scaled := newScale(used.rows, ones(len(used.rows)))
	flow := d.flow
	row := func(x []float64) (r models.FlowRows) {
		var columns, given []float64
		for k, v := range x {
			z := 0.0
			if scaled.SD[k] > 0 {
				z = math.Max(-widest, math.Min(widest, (v-scaled.Mean[k])/scaled.SD[k]))
			}
			if d.size && features.All()[k].Group == features.Size {
				given = append(given, z)
			} else {
				columns = append(columns, z)
			}
		}
		r.Rows, flow.Columns = [][]float64{columns}, len(columns)
		if d.size {
			r.Given, flow.Context = [][]float64{given}, len(given)
		}
		return r
	}
	var train, validation models.FlowRows
	for i, x := range used.rows {
		to := &train
		if groupOf(used.cases[i].Patient) == held {
			to = &validation
		}
		r := row(x)
		to.Rows, to.Given = append(to.Rows, r.Rows...), append(to.Given, r.Given...)
	}
	trained, err := models.TrainFlow(ctx, flow, train, validation, models.FlowSettings{Seed: seed}, compute.Options{})
	if err != nil {
		return nil, err
	}
	return func(x []float64) (float64, error) {
		out, err := trained.Surprise(row(x))
		if err != nil {
			return 0, err
		}
		return out[0], nil
	}, nil
}
