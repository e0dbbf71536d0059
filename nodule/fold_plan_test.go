package nodule

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

var update = flag.Bool("update", false, "write folds.txt anew from the data sets")

// foldSets are the data sets whose patients the plan covers, the most important
// first.
var foldSets = []string{"lidc_full_32mm.npz", "lidc_voi_32mm.npz", "lidc_cubes_51mm.npz"}

// foldTraits are what is balanced: per set the normal, anomalous and
// indeterminate nodules and the patients, and the patients of all.
const foldTraits = 4*3 + 1

type traits [foldTraits]int64

// patientTraits counts the traits of every patient of all sets.
func patientTraits(t *testing.T) map[string]traits {
	t.Helper()
	all := map[string]traits{}
	for k, file := range foldSets {
		ds, err := LoadNPZ(checktest.Data(t, file))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range ds.Samples {
			s := &ds.Samples[i]
			if slices.Contains(HeldOutPatients(), s.Patient) {
				continue
			}
			c := all[s.Patient]
			c[4*k+int(s.Label)]++
			if !seen[s.Patient] {
				c[4*k+3]++
			}
			c[foldTraits-1] = 1
			seen[s.Patient], all[s.Patient] = true, c
		}
	}
	return all
}

// planFolds takes patients with the most nodules first and puts each into the
// fold that keeps the sum of the squares of all shares smallest.
func planFolds(all map[string]traits) string {
	var total traits
	nodules := func(c traits) int64 {
		var n int64
		for k := range c[:foldTraits-1] {
			if k%4 != 3 {
				n += c[k]
			}
		}
		return n
	}
	for _, c := range all {
		for k := range c {
			total[k] += c[k]
		}
	}
	order := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(nodules(all[b]), nodules(all[a])), cmp.Compare(foldKey(a), foldKey(b)))
	})
	var folds [PlannedFolds]traits
	lines := []string{}
	for _, p := range order {
		best, least := 0, int64(0)
		for f := range folds {
			var cost int64
			for k, n := range all[p] {
				cost += n * (2*folds[f][k] + n) * (1 << 40 / max(total[k]*total[k], 1)) // whole numbers: the same everywhere
			}
			if f == 0 || cost < least {
				best, least = f, cost
			}
		}
		for k, n := range all[p] {
			folds[best][k] += n
		}
		lines = append(lines, fmt.Sprintf("%s %d\n", foldKey(p), best+1))
	}
	slices.Sort(lines)
	return "# Made by 'go test ./nodule -run TestFoldPlan -update' from the data sets: key of a patient (FoldOf), fold. Never change it: figures stand on it.\n" +
		strings.Join(lines, "")
}

// TestFoldPlan: the file is what its generator makes, every patient of the sets
// is in one fold, and folds are alike.
func TestFoldPlan(t *testing.T) {
	all := patientTraits(t)
	want := planFolds(all)
	if *update {
		if err := os.WriteFile("folds.txt", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Skip("folds.txt is written: run the test again without -update")
	}
	if foldsText != want {
		t.Error("folds.txt is not what its generator makes")
	}
	if len(foldPlan()) != len(all) {
		t.Errorf("%d patients in the plan, %d in the data sets", len(foldPlan()), len(all))
	}
	var folds [PlannedFolds]traits
	for p, c := range all {
		f, err := FoldOf(p)
		if err != nil {
			t.Fatal(err)
		}
		for k, n := range c {
			folds[f-1][k] += n
		}
	}
	for k := range foldTraits {
		var counts []int64
		for f := range folds {
			counts = append(counts, folds[f][k])
		}
		name := "patients of all"
		if k < foldTraits-1 {
			name = foldSets[k/4] + " " + []string{"indeterminate", "normal", "anomaly", "patients"}[k%4]
		}
		t.Logf("%-38s %v", name, counts)
		if slices.Max(counts)-slices.Min(counts) > 4 {
			t.Errorf("%s: folds are not alike: %v", name, counts)
		}
	}
}

func TestFoldsRefuseOtherPatients(t *testing.T) {
	for _, p := range append(HeldOutPatients(), "", "somebody else") {
		fold, err := FoldOf(p)
		wantCode(t, err, CodeSplitInvalid)
		if fold != 0 {
			t.Errorf("fold %d", fold)
		}
	}
	held := &Dataset{Samples: []Sample{{Patient: HeldOutPatients()[0]}}}
	if err := CheckFolds(held); err != nil {
		t.Error(err)
	}
	held.Samples = append(held.Samples, Sample{Patient: "secret name"}, Sample{Patient: "secret name"})
	err := CheckFolds(held)
	wantCode(t, err, CodeSplitInvalid)
	if !strings.Contains(err.Error(), "1 patients") || !strings.Contains(err.Error(), "nodule 1") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// Patients of a site have folds of their own, which do not depend on who else is
// there, and all folds are used.
func TestFoldsOfASite(t *testing.T) {
	seen := map[int]bool{}
	for i := range 100 {
		fold, err := FoldOf(SitePatient + strconv.Itoa(i))
		if err != nil || fold < 1 || fold > PlannedFolds {
			t.Fatalf("fold %d, %v", fold, err)
		}
		seen[fold] = true
	}
	if len(seen) != PlannedFolds {
		t.Errorf("folds %v", seen)
	}
	if fold, err := FoldOf(SitePatient + "5586068b47e33448be5bfb05"); err != nil || fold != 2 {
		t.Errorf("fold %d, %v: it has changed", fold, err)
	}
}
