package sr

import (
	"fmt"
	"math"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// Review makes a report that a person answers for. Every nodule that is on an
// image then needs a Decision.
type Review struct {
	Observer     string    // person name in DICOM's form, such as Doe^Jane^^Dr
	Organization string    // needed: an unnamed verifier is none (PS3.3 C.17.2)
	Time         time.Time // of the last decision
	Version      int       // of the decisions, from 1; each version is a document of its own
	Previous     int       // version of the verified report that this one replaces; 0: there is none
}

// Verdict is one of the four that a reviewer has for a nodule candidate.
type Verdict string

// Verdicts.
const (
	Suspicious Verdict = "suspicious"
	Benign     Verdict = "benign" // a nodule that looks benign
	NotNodule  Verdict = "not_nodule"
	Unsure     Verdict = "unsure"
)

// Decision is what was decided about one nodule candidate.
type Decision struct {
	Verdict Verdict
	Kind    string // of what is no nodule, such as vessel
	Comment string
}

var verdicts = map[Verdict]Code{Suspicious: codeSuspicious, Benign: codeBenign, NotNodule: codeNotNodule, Unsure: codeUnsure}

// items are the decision in a measurement group, none where there is none.
func (d *Decision) items() []codec.Dataset {
	if d == nil {
		return nil
	}
	list := []codec.Dataset{codeItem(contains, codeDecision, verdicts[d.Verdict])}
	if codec.Clean("UT", d.Kind) != "" {
		list = append(list, textItem(contains, codeReason, d.Kind))
	}
	if codec.Clean("UT", d.Comment) != "" {
		list = append(list, textItem(contains, codeComment, d.Comment))
	}
	return list
}

// checkReview wants a report to be verified as a whole or not at all.
func (r Report) checkReview(op string) error {
	for i, n := range r.Nodules {
		hint := ""
		switch {
		case n.Decision != nil && verdicts[n.Decision.Verdict].Value == "":
			hint = "has a verdict other than suspicious, benign, not_nodule or unsure"
		case r.Review == nil && n.Decision != nil:
			hint = "has a decision, but no reviewer is named; add the review"
		case r.Review != nil && n.Decision == nil && n.Image.SOPInstanceUID != "":
			hint = "has no decision; a report is verified when all nodules have one"
		}
		if hint != "" {
			return refuse(CodeReportInvalid, op, fmt.Sprintf("nodule %d %s", i+1, hint), nil)
		}
	}
	v := r.Review
	switch {
	case v == nil:
		return nil
	case codec.Clean("PN", v.Observer) == "" || codec.Clean("LO", v.Organization) == "":
		return refuse(CodeReportInvalid, op, "the review names no person or no organisation; both are needed to verify a report", nil)
	case v.Previous < 0 || v.Previous >= v.Version:
		return refuse(CodeReportInvalid, op, "the review replaces a version that is not older than itself", nil)
	case v.Version >= math.MaxInt32 || v.Time.Year() < 1900 || v.Time.Year() > 9999:
		return refuse(CodeReportInvalid, op, "the review has no version or no time", nil)
	}
	return nil
}

// verification writes the flags, who verified, and which documents the report
// is based on (PS3.3 table C.17-2).
func (r Report) verification(d *codec.Dataset) {
	v := r.Review
	if v == nil {
		d.AddText(0x0040A493, "CS", "UNVERIFIED")
		d.AddText(0x0040A496, "CS", "PRELIMINARY")
		return
	}
	d.AddText(0x0040A493, "CS", "VERIFIED")
	d.AddText(0x0040A496, "CS", "FINAL")
	var who codec.Dataset
	who.AddText(0x0040A027, "LO", v.Organization)
	who.AddText(0x0040A030, "DT", r.Header.InZone(v.Time).Format("20060102150405-0700"))
	who.AddText(0x0040A075, "PN", v.Observer)
	who.AddSequence(0x0040A088) // no code for the person
	d.AddSequence(0x0040A073, who)

	first := r
	first.Review = nil
	before := []codec.Dataset{Reference(ClassComprehensive3D, first.SOPInstanceUID())}
	if v.Previous > 0 {
		earlier := *v
		earlier.Version = v.Previous
		first.Review = &earlier
		before = append(before, Reference(ClassComprehensive3D, first.SOPInstanceUID()))
	}
	d.AddSequence(0x0040A360, hierarchy(r.Header.StudyUID, seriesItem(r.SeriesInstanceUID(), before)))
}

// reviewer tells which person observed (TID 1003).
func (r Report) reviewer() []codec.Dataset {
	if r.Review == nil {
		return nil
	}
	return []codec.Dataset{
		codeItem(hasContext, codeObserverType, codePerson),
		personItem(hasContext, codePersonName, r.Review.Observer),
		textItem(hasContext, codePersonOrg, r.Review.Organization),
	}
}

// round rounds to a multiple of unit.
func round(x, unit float64) float64 { return math.Round(x/unit) * unit }
