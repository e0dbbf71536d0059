package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// Exclusion says how much was left out for one reason.
type Exclusion struct {
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Nodules int    `json:"nodules"` // candidates of results
	Decided int    `json:"decided"` // of which somebody has decided on; or decisions, where their nodule is not there
}

// reasons say what a code means here, and what would help.
var reasons = map[coded.Code]string{
	CodeResultMissing:            "decisions on a result that is not among those given: give all results",
	CodeSuperseded:               "decisions on a nodule that the newer result of the series does not have, or has at another place",
	CodePatientUnknown:           "the images have no patient id, so the side is unknown",
	CodePatientConflict:          "two patients under one id (another birth date, sex or issuer, or another name without a birth date): correct the ids",
	CodeDuplicate:                "the same nodule in another series of the patient, or marked twice: its decisions were kept",
	CodeNotNodule:                "the newest decision is that there is no nodule",
	CodeUndescribed:              "a reader sees a nodule, but no outline could be made of it",
	dicomio.CodeSeriesNotFound:   "the series is in none of the folders and archives given",
	outline.CodeNotFound:         "no nodule was recognised, and nobody has decided",
	nodule.CodeCubePadding:       "too much of the cube lies outside the scan",
	nodule.CodeGapInNodule:       "slices are missing where the nodule is",
	nodule.CodeCandidateOutside:  "the candidate lies outside the scan",
	nodule.CodeSupportTooSmall:   "too little of the middle of the cube has data",
	nodule.CodeTooManyCandidates: "more candidates than a result may have",
}

type exclusions struct{ by map[coded.Code]*Exclusion }

func newExclusions() *exclusions { return &exclusions{map[coded.Code]*Exclusion{}} }

func (e *exclusions) at(code coded.Code) *Exclusion {
	if e.by[code] == nil {
		e.by[code] = &Exclusion{Code: string(code), Reason: cmp.Or(reasons[code], "docs/errors.md explains the code")}
	}
	return e.by[code]
}

func (e *exclusions) nodule(code coded.Code, decided bool) {
	x := e.at(code)
	if x.Nodules++; decided {
		x.Decided++
	}
}

func (e *exclusions) decision(code coded.Code) { e.at(code).Decided++ }

func (e *exclusions) clone() *exclusions {
	out := newExclusions()
	for code, x := range e.by {
		y := *x
		out.by[code] = &y
	}
	return out
}

// list has all, by code.
func (e *exclusions) list() []Exclusion {
	out := []Exclusion{}
	for _, code := range slices.Sorted(maps.Keys(e.by)) {
		out = append(out, *e.by[code])
	}
	return out
}

// text is all on one line.
func (e *exclusions) text() string {
	var parts []string
	for _, x := range e.list() {
		parts = append(parts, fmt.Sprintf("%s (%d)", x.Reason, max(x.Nodules, x.Decided)))
	}
	if len(parts) == 0 {
		return "the results have no candidates"
	}
	return strings.Join(parts, "; ")
}
