package sr

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/internal/use"
)

// ClassComprehensive3D is the SOP class of the reports that are written.
const ClassComprehensive3D = "1.2.840.10008.5.1.4.1.1.88.34"

// maxNodules is how many nodules a report may have.
const maxNodules = 4096

// Report is what is told about the nodules of one CT series. Identity, Time
// and Header are needed. Its file is a pure function of its fields.
type Report struct {
	Identity string    // of the result; every UID follows from it, see [UID]
	Time     time.Time // when the result was made; told in the zone of the study, where that is known
	Header   Header
	Device   Device

	SeriesNumber int    // default 9001
	SeriesText   string // SeriesDescription; default "Nodule scores, " and [use.Label]

	IntendedUse string   // stands in the report; default [use.Statement]
	Notes       []string // what limits the use of all scores: warnings of the series
	Nodules     []Nodule // in the order in which they are shown, at most 4096

	// Outlines says that the nodules may refer to segments: such a report is another
	// document than the one of the same result without them. Those of a review, which
	// is a document of its own in each version, may refer to them anyway.
	Outlines bool

	Review *Review // nil: nobody has verified it
}

// Nodule is one finding.
type Nodule struct {
	ID          string
	PositionLPS dicomio.Vec        // mm
	DiameterMM  float64            // 0: not known
	Image       dicomio.ImagePoint // where it is shown, see dicomio's Series.OnImage; zero where it is on no image
	Scores      []Score
	Outline     *Outline // nil: it has none
	Distances   []Distance
	Notes       []string // limits of use that it touches, disagreement
	Error       string   // why some or all scores are missing; without patient data
	Decision    *Decision
}

// Score is what one algorithm gave a nodule.
type Score struct {
	Algorithm    Algorithm
	DeviationPct *float64 // calibrated score, 0..100; nil where the algorithm is not calibrated
	Percentile   float64  // among reference nodules, 0..100
	Raw          float64
	Threshold    float64 // operating point: the raw score above which a nodule is flagged
	Flagged      bool
}

// Algorithm is what TID 4019 of PS3.16 tells about the source of a value.
type Algorithm struct {
	Name         string
	Version      string
	Parameters   []string
	Manufacturer string // default: that of the device
}

// SOPInstanceUID is that of the report: of the first form without a review,
// and of its own for every version of a review, with outlines and without.
func (r Report) SOPInstanceUID() string {
	role := "report"
	if r.Review != nil {
		role = fmt.Sprintf("verified report, version %d", r.Review.Version)
	}
	if r.Outlines {
		role += ", with outlines"
	}
	return UID(r.Identity, role)
}

// SeriesInstanceUID is that of the series which holds all reports of a result.
func (r Report) SeriesInstanceUID() string { return UID(r.Identity, "series of reports") }

// TrackingUID names a nodule in all reports of a result.
func (r Report) TrackingUID(noduleID string) string { return UID(r.Identity, "nodule "+noduleID) }

// Encode writes the report as a DICOM file: Comprehensive 3D SR (PS3.3
// A.35.13), template 1500 of PS3.16, explicit VR little endian, UTF-8. The same
// report gives the same bytes.
//
// Its error has [CodeReportInvalid] where a field is missing or out of range,
// and [CodeNotWritten] where w fails.
func (r Report) Encode(w io.Writer) error {
	const op = "write structured report"
	if err := r.check(op); err != nil {
		return err
	}
	r = r.withDefaults()
	var d codec.Dataset
	r.Header.AddTo(&d)
	r.series(&d)
	r.document(&d)
	root := container("", codeReport, "1500", r.content()...)
	return Write(w, append(d, root...), op, ClassComprehensive3D, r.SOPInstanceUID())
}

func (r Report) check(op string) error {
	bad := func(format string, args ...any) error {
		return refuse(CodeReportInvalid, op, fmt.Sprintf(format, args...), nil)
	}
	if err := r.Header.Check(op); err != nil {
		return err
	}
	switch {
	case r.Identity == "":
		return bad("the identity of the result is missing; all UIDs follow from it")
	case r.Time.Year() < 1900 || r.Time.Year() > 9999:
		return bad("the time of the result is missing; give the one at which it was made")
	case len(r.Nodules) > maxNodules:
		return bad("%d nodules, a report has at most %d", len(r.Nodules), maxNodules)
	case !codec.ValidUID(r.Header.SeriesUID):
		return bad("the header has no usable SeriesInstanceUID; read it from an image of the series")
	}
	seen := map[string]bool{}
	for i, n := range r.Nodules {
		at := n.Image
		switch {
		case codec.Clean("UT", n.ID) == "" || seen[n.ID]:
			return bad("nodule %d has no id, or that of another", i+1)
		case at != (dicomio.ImagePoint{}) && (!codec.ValidUID(at.SOPClassUID) || !codec.ValidUID(at.SOPInstanceUID) || !(at.Column >= 0) || !(at.Row >= 0) || at.Frame < 0 || at.Frame > 0 && !dicomio.MultiFrame(at.SOPClassUID)):
			return bad("nodule %d is on an image that has no usable UID, or at no place of it", i+1)
		case !finite(n.PositionLPS[:]...) || !finite(n.DiameterMM) || n.DiameterMM < 0:
			return bad("the position or the diameter of nodule %d is not a number", i+1)
		}
		if hint := n.Outline.fault(); hint != "" {
			return bad("nodule %d %s", i+1, hint)
		}
		if n.Outline != nil && !r.Outlines && r.Review == nil {
			return bad("nodule %d has an outline, and the report does not say that it has any", i+1)
		}
		if n.Outline != nil && at.SOPInstanceUID == "" {
			return bad("nodule %d has an outline, but is on no image", i+1)
		}
		if hint := r.distanceFault(n.Distances); hint != "" {
			return bad("nodule %d %s", i+1, hint)
		}
		seen[n.ID] = true
		for _, s := range n.Scores {
			switch {
			case s.Algorithm.Name == "" || s.Algorithm.Version == "":
				return bad("a score of nodule %d names no algorithm or no version", i+1)
			case !finite(s.Percentile, s.Raw, s.Threshold) || s.DeviationPct != nil && !(*s.DeviationPct >= 0 && *s.DeviationPct <= 100):
				return bad("a score of nodule %d is not a number, or its deviation is no percentage", i+1)
			}
		}
	}
	return r.checkReview(op)
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func (r Report) withDefaults() Report {
	r.Device = r.Device.withDefaults()
	orElse(&r.SeriesText, "Nodule scores, "+use.Label)
	orElse(&r.IntendedUse, use.Statement)
	if r.SeriesNumber == 0 {
		r.SeriesNumber = 9001
	}
	return r
}

func orElse(p *string, v string) {
	if codec.Clean("LO", *p) == "" {
		*p = v
	}
}

// series writes the modules SR Document Series, General Equipment, Enhanced
// General Equipment and SOP Common (PS3.3 C.17.1, C.7.5.1, C.7.5.2, C.12.1).
func (r Report) series(d *codec.Dataset) {
	d.AddText(0x00080016, "UI", ClassComprehensive3D)
	d.AddText(0x00080018, "UI", r.SOPInstanceUID())
	d.AddText(0x00080060, "CS", "SR")
	d.AddText(0x0008103E, "LO", r.SeriesText)
	d.AddSequence(0x00081111) // of a performed procedure step: there is none
	d.AddText(0x0020000E, "UI", r.SeriesInstanceUID())
	d.AddText(0x00200011, "IS", fmt.Sprint(r.SeriesNumber))
	number := 1
	if r.Review != nil {
		number += r.Review.Version
	}
	d.AddText(0x00200013, "IS", fmt.Sprint(number))
	r.Device.AddTo(d)
	var s codec.Dataset
	s.AddText(0x00080102, "SH", scheme)
	s.AddText(0x0008010C, "UI", schemeUID)
	s.AddText(0x00080115, "ST", "Nodulescope: scores of deviation from reference nodules")
	s.AddText(0x00080116, "ST", "Nodulescope")
	d.AddSequence(0x00080110, s)
}

// document writes the module SR Document General (PS3.3 C.17.2), the review
// aside.
func (r Report) document(d *codec.Dataset) {
	at := r.Header.InZone(r.Time)
	if r.Review != nil {
		at = r.Header.InZone(r.Review.Time)
	}
	d.AddText(0x00080023, "DA", at.Format("20060102"))
	d.AddText(0x00080033, "TM", at.Format("150405"))
	d.AddText(0x0040A491, "CS", "COMPLETE")
	d.AddSequence(0x0040A372) // codes of the performed procedure: not known
	if series := r.evidence(); len(series) > 0 {
		d.AddSequence(0x0040A375, hierarchy(r.Header.StudyUID, series...))
	}
	r.verification(d)
}

// images are the slices that nodules and the ends of distances are on, each once.
func (r Report) images() []dicomio.ImagePoint {
	var list []dicomio.ImagePoint
	seen := map[dicomio.ImageRef]bool{{}: true}
	add := func(at dicomio.ImagePoint) {
		if ref := (dicomio.ImageRef{SOPInstanceUID: at.SOPInstanceUID, Frame: at.Frame}); !seen[ref] {
			seen[ref] = true
			list = append(list, at)
		}
	}
	for _, n := range r.Nodules {
		add(n.Image)
		for _, d := range n.Distances {
			add(d.From)
			add(d.To)
		}
	}
	return list
}
