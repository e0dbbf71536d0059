package bus

import "slices"

// Verdict is what a radiologist finds a nodule candidate to be.
type Verdict string

// Verdicts. They are part of the schema of messages and never renamed.
const (
	Suspicious Verdict = "suspicious"
	Benign     Verdict = "benign"     // a nodule that looks benign
	NotNodule  Verdict = "not_nodule" // something else, see [Kinds]
	Unsure     Verdict = "unsure"
)

// Verdicts lists all of them.
func Verdicts() []Verdict { return []Verdict{Suspicious, Benign, NotNodule, Unsure} }

// Kind says what is there where there is no nodule.
type Kind string

// Kinds that something here treats in a way of its own.
const (
	KindDuplicate Kind = "duplicate" // of another finding: its place is told by that one
	KindOther     Kind = "other"
)

// Kinds lists what [NotNodule] may be, the most frequent first. They are never
// renamed.
func Kinds() []Kind {
	return []Kind{
		"vessel", "scar", "lymph_node", "artefact", "pleural", "atelectasis", "consolidation", "mucus", KindDuplicate, KindOther, "outside_lung",
	}
}

// Label is what a decision teaches a detector that is trained on it.
type Label string

// Labels.
const (
	LabelAnomaly  Label = "anomaly"   // a nodule that is suspicious
	LabelNormal   Label = "normal"    // a nodule that is not
	LabelNoNodule Label = "no_nodule" // tissue that was taken for a nodule
	Unlabelled    Label = "unlabelled"
)

// Label maps a decision to what may be learned from it:
//
//	verdict     kind        label
//	suspicious              anomaly
//	benign                  normal
//	not_nodule  duplicate   unlabelled: there may well be a nodule
//	not_nodule  any other   no_nodule
//	unsure                  unlabelled
//
// A verdict that is not known teaches nothing.
func (v Verdict) Label(kind Kind) Label {
	switch {
	case v == Suspicious:
		return LabelAnomaly
	case v == Benign:
		return LabelNormal
	case v == NotNodule && kind != KindDuplicate:
		return LabelNoNodule
	}
	return Unlabelled
}

// Decisions as they were before there were verdicts. Messages still tell them,
// for those who know no other.
const (
	accepted     = "accept"
	rejected     = "reject"
	undecided    = "unsure"
	normalNodule = "normal_nodule"
	calcified    = "benign_calcification"
)

// MigrateDecision is the verdict that an earlier decision and its reason stand
// for, empty where the decision is none:
//
//	decision  reason                               verdict     kind
//	accept                                         suspicious
//	reject    normal_nodule, benign_calcification  benign
//	reject    one of Kinds                         not_nodule  the reason
//	reject    none, or any other                   not_nodule  other
//	unsure                                         unsure
//
// To accept a finding meant that it is a nodule and worth its mark.
func MigrateDecision(decision, reason string) (Verdict, Kind) {
	switch decision {
	case accepted:
		return Suspicious, ""
	case undecided:
		return Unsure, ""
	case rejected:
		switch {
		case reason == normalNodule || reason == calcified:
			return Benign, ""
		case slices.Contains(Kinds(), Kind(reason)):
			return NotNodule, Kind(reason)
		}
		return NotNodule, KindOther
	}
	return "", ""
}

// earlier is what a verdict was before there were verdicts.
func (v Verdict) earlier(kind Kind) (decision, reason string) {
	switch v {
	case Suspicious:
		return accepted, ""
	case Benign:
		return rejected, normalNodule
	case NotNodule:
		return rejected, string(kind)
	case Unsure:
		return undecided, ""
	}
	return "", ""
}

// Migrated is a review with its verdict, and with the earlier decision that
// stands for it, whichever of them it was written with. The verdict counts where
// the two differ.
func (r Review) Migrated() Review {
	verdict, kind := MigrateDecision(r.Decision, r.Reason)
	switch {
	case r.Verdict == "":
		r.Verdict, r.Kind = verdict, kind
		return r
	case r.Verdict == verdict && r.Kind == kind:
		return r
	}
	r.Decision, r.Reason = r.Verdict.earlier(r.Kind)
	return r
}
