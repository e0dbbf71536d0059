package rungs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// planned are cases of patients who are in the plan of folds.
func planned(n int, seed uint64) []Case {
	cases := nodules(n, seed)
	number := 1
	for i := range cases {
		if i%2 == 0 {
			for number++; ; number++ {
				if _, err := nodule.FoldOf(fmt.Sprintf("LIDC-IDRI-%04d", number)); err == nil {
					break
				}
			}
		}
		cases[i].Patient = fmt.Sprintf("LIDC-IDRI-%04d", number)
	}
	return cases
}

func TestCrossValidate(t *testing.T) {
	cases := planned(240, 1)
	table, err := CrossValidate(context.Background(), cases, Options{Seeds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 11 || table.Normals+table.Anomalies+table.Third != len(cases) {
		t.Fatalf("%d rows, %d nodules", len(table.Rows), table.Normals+table.Anomalies+table.Third)
	}
	for i := range table.Rows {
		r := &table.Rows[i]
		rung := strings.HasPrefix(r.Name, "normals-") || strings.HasPrefix(r.Name, "readers-")
		if rung != (r.ECE != nil) || rung && (r.Area.Mean < 0.75 || *r.ECE > 0.2 || math.Abs(r.Sensitivity.Value-Sensitivity) > 0.15 || len(r.Against) != 3) {
			t.Errorf("%+v", r)
		}
		if !strings.Contains(table.Markdown(), "\n| "+r.Name+" | ") {
			t.Errorf("%s is not in\n%s", r.Name, table.Markdown())
		}
	}
	again, err := CrossValidate(context.Background(), cases, Options{Seeds: 1})
	if d := cmp.Diff(table, again); err != nil || d != "" {
		t.Error(err, d)
	}
	var told int
	fold, err := CrossValidate(context.Background(), cases, Options{Seeds: 1, Folds: []int{2}, Readers: 2, Progress: func(_, total int) { told = total }})
	n := 0
	for i := range cases {
		if groupOf(cases[i].Patient) == 2 && cases[i].Readers >= 2 {
			n++
		}
	}
	if err != nil || fold.Normals+fold.Anomalies+fold.Third != n || told != 6 {
		t.Errorf("%v: %d nodules of fold 2, want %d; %d steps", err, fold.Normals+fold.Anomalies+fold.Third, n, told)
	}
}

// TestTestFoldIsUnseen: what a fold's own nodules say changes no score of them.
func TestTestFoldIsUnseen(t *testing.T) {
	cases := planned(200, 2)
	scores := func() []float64 {
		s := newSet(cases, false, 0, 0)
		r, err := Rated.learn(s.pick(func(i int) bool { return groupOf(cases[i].Patient) != 3 }), 1)
		if err != nil {
			t.Fatal(err)
		}
		var out []float64
		for i, x := range s.rows {
			if groupOf(cases[i].Patient) == 3 {
				out = append(out, r.score(x).Raw)
			}
		}
		return out
	}
	want := scores()
	for i := range cases {
		if groupOf(cases[i].Patient) == 3 {
			cases[i].Rating, cases[i].Label = 6-cases[i].Rating, nodule.LabelOf(6-int(cases[i].Rating))
		}
	}
	if d := cmp.Diff(want, scores()); d != "" {
		t.Error(d)
	}
}

func TestCrossValidateRefuses(t *testing.T) {
	if _, err := CrossValidate(context.Background(), nodules(240, 3), Options{Seeds: 1}); coded.CodeOf(err) != nodule.CodeSplitInvalid {
		t.Errorf("patients of no fold: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := CrossValidate(ctx, planned(240, 3), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	cases := planned(240, 3)
	cases[7].Features[1] = math.NaN()
	if _, err := CrossValidate(context.Background(), cases, Options{}); coded.CodeOf(err) != "feature_not_finite" {
		t.Errorf("NaN: %v", err)
	}
}
