package nodule

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// PlannedFolds is the number of folds of the plan.
const PlannedFolds = 5

// foldPrefix stands before a patient where its key is made. Another plan needs
// another.
const foldPrefix = "nodulescope fold plan 1\n"

//go:embed folds.txt
var foldsText string

// foldPlan is the plan: the fold of a key, from 1.
var foldPlan = sync.OnceValue(func() map[string]int {
	plan := map[string]int{}
	for line := range strings.Lines(foldsText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, fold, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(fold)
		if err != nil || n < 1 || n > PlannedFolds || len(key) != 16 || plan[key] != 0 {
			panic(fmt.Sprintf("nodule: folds.txt: the line %.40q makes no sense", line))
		}
		plan[key] = n
	}
	return plan
})

// foldKey stands for a patient in the plan: the first 16 hex digits of the
// SHA-256 of foldPrefix and the patient. The patients are those of a public set;
// keys keep the list tidy, not secret.
func foldKey(patient string) string {
	sum := sha256.Sum256([]byte(foldPrefix + patient))
	return hex.EncodeToString(sum[:8])
}

// SitePatient is what the pseudonym of a patient of a site begins with, in the
// data sets that are made there; a keyed hash follows.
const SitePatient = "site-"

// FoldOf is the fold of a patient, from 1 to PlannedFolds: in one plan for all sets
// made of LIDC-IDRI, which was fixed before anything was trained by it, and balances
// normal and anomalous nodules and patients of every set; and for patients of a site
// (SitePatient) by their pseudonym alone, so that they stay in their fold when others
// come. A patient who is in no fold, such as those of HeldOutPatients, is refused
// with CodeSplitInvalid.
func FoldOf(patient string) (int, error) {
	if fold := foldPlan()[foldKey(patient)]; fold != 0 {
		return fold, nil
	}
	if strings.HasPrefix(patient, SitePatient) {
		sum := sha256.Sum256([]byte(foldPrefix + patient))
		return 1 + int(sum[0])%PlannedFolds, nil
	}
	why := "the patient is in no fold of the plan"
	if slices.Contains(HeldOutPatients(), patient) {
		why = "the patient is held out: in no fold of the plan"
	}
	return 0, &Error{Code: CodeSplitInvalid, Op: "find the fold", Hint: why}
}

// CheckFolds refuses a data set with patients who are in no fold of the plan and
// not held out, with CodeSplitInvalid. It names the first by its row.
func CheckFolds(ds *Dataset) error {
	first, missing := 0, map[string]bool{}
	for i := range ds.Samples {
		p := ds.Samples[i].Patient
		if _, err := FoldOf(p); err == nil || slices.Contains(HeldOutPatients(), p) {
			continue
		}
		if len(missing) == 0 {
			first = i
		}
		missing[p] = true
	}
	if len(missing) == 0 {
		return nil
	}
	return &Error{Code: CodeSplitInvalid, Op: "find the folds",
		Hint: fmt.Sprintf("%d patients are in no fold of the plan (the first is that of nodule %d of the data set); use folds by seed", len(missing), first)}
}
