package dataset

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
)

// Label is what a decision teaches, see bus.Verdict.Label.
type Label struct {
	Label  bus.Label `json:"label"`
	Rating int       `json:"rating"` // of malignancy, 1 to 5; 0: no row
	About  string    `json:"about"`
}

// Labels is the table from labels to ratings: those of LIDC-IDRI, where 1 and 2 are
// normal, 4 and 5 an anomaly. One verdict is no reading in five steps, so the outer
// ones are not used.
func Labels() []Label {
	return []Label{
		{bus.LabelAnomaly, 4, "verdict suspicious: an anomaly"},
		{bus.LabelNormal, 2, "verdict benign: normal"},
		{bus.Unlabelled, 3, "verdict unsure, or none: in neither class, and no reader is counted"},
		{bus.LabelNoNodule, 0, "verdict not_nodule: left out as " + string(CodeNotNodule)},
	}
}

// ratingOf is the rating of a label; 0: it makes no row.
func ratingOf(label bus.Label) int {
	for _, l := range Labels() {
		if l.Label == label {
			return l.Rating
		}
	}
	return 0
}

// opinion is a decision of one reader on one finding.
type opinion struct {
	reader  string // pseudonym
	verdict bus.Verdict
	kind    bus.Kind
	version int
	time    time.Time
	finding string // result and nodule: versions count within one

	drawn *bus.Correction // the nodule's outline, nil: the network's stands
}

func (o opinion) label() bus.Label { return o.verdict.Label(o.kind) }

// newest orders opinions by age, the newest first: within a finding by version,
// else by time.
func newest(a, b opinion) int {
	if a.finding == b.finding && a.version != b.version {
		return cmp.Compare(b.version, a.version)
	}
	return cmp.Or(b.time.Compare(a.time), cmp.Compare(b.version, a.version), strings.Compare(a.finding, b.finding), strings.Compare(a.reader, b.reader))
}

// current are the opinions that count: of every reader the newest, the newest of
// all first. That a finding is a duplicate says nothing of what is there.
func current(all []opinion) []opinion {
	byFinding := map[string][]opinion{}
	for _, o := range all {
		byFinding[o.finding] = append(byFinding[o.finding], o)
	}
	var heads []opinion
	for _, list := range byFinding {
		slices.SortFunc(list, newest)
		heads = append(heads, ofEachReader(list)...)
	}
	slices.SortFunc(heads, newest)
	return slices.DeleteFunc(ofEachReader(heads), func(o opinion) bool { return o.kind == bus.KindDuplicate })
}

// ofEachReader keeps the first opinion of every reader.
func ofEachReader(all []opinion) (out []opinion) {
	for _, o := range all {
		if !slices.ContainsFunc(out, func(x opinion) bool { return x.reader == o.reader }) {
			out = append(out, o)
		}
	}
	return out
}

// disagree tells whether readers teach different labels; one who is unsure agrees
// with everybody.
func disagree(opinions []opinion) bool {
	var first bus.Label
	for _, o := range opinions {
		switch label := o.label(); {
		case label == bus.Unlabelled:
		case first == "":
			first = label
		case label != first:
			return true
		}
	}
	return false
}
