package sr

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// maxHeaderBytes is how far into an image its header may reach.
const maxHeaderBytes = 4 << 20

// headerElements are those that a Header is read from.
var headerElements = map[uint32]string{
	0x00080005: "CS", 0x00080020: "DA", 0x00080030: "TM", 0x00080050: "SH", 0x00080060: "CS", 0x00080090: "PN",
	0x00080201: "SH", 0x00081030: "LO", 0x0008103E: "LO", 0x00100010: "PN", 0x00100020: "LO", 0x00100021: "LO", 0x00100030: "DA",
	0x00100040: "CS", 0x00101010: "AS", 0x00120062: "CS", 0x00120063: "LO",
	0x0020000D: "UI", 0x0020000E: "UI", 0x00200010: "SH", 0x00200011: "IS", 0x00200052: "UI",
	0x00282110: "CS", 0x00282112: "DS", 0x00282114: "CS",
}

// Header is what a report takes over from the images that it is about, so that
// it is filed with them: patient and study as the images name them. All texts
// are UTF-8 in DICOM's form; what the images do not have is empty.
//
// It holds the patient's identity. It is for the report and the screen, and
// never for a log, a message or an error; printed, it shows nothing.
type Header struct {
	PatientName       string // components parted by ^, groups by =
	PatientID         string
	IssuerOfPatientID string
	PatientBirthDate  string // YYYYMMDD
	PatientSex        string
	PatientAge        string

	IdentityRemoved       string // YES or NO, see PS3.3 C.7.1.1
	DeidentificationNotes []string

	StudyUID           string
	StudyDate          string // YYYYMMDD
	StudyTime          string
	StudyID            string
	StudyDescription   string
	AccessionNumber    string
	ReferringPhysician string
	TimezoneOffset     string // +HHMM, of all times of the study

	SeriesUID           string
	SeriesNumber        string
	SeriesDescription   string
	FrameOfReferenceUID string
	Modality            string

	// Lossy: the images were compressed with loss, so many times to one and in these
	// ways, as far as they tell it.
	Lossy        bool
	LossyRatios  []string
	LossyMethods []string
}

// String hides the patient.
func (Header) String() string { return "[patient and study]" }

// GoString hides the patient.
func (h Header) GoString() string { return h.String() }

// LogValue hides the patient.
func (h Header) LogValue() slog.Value { return slog.StringValue(h.String()) }

// HeaderOf reads the header of the first slice of a series from its file, or
// from the PACS where the series is there.
func HeaderOf(ctx context.Context, s *dicomio.Series) (Header, error) {
	if err := ctx.Err(); err != nil {
		return Header{}, err
	}
	if len(s.Slices) == 0 {
		return Header{}, refuse(dicomio.CodeFolderEmpty, "read patient and study", "the series has no file; read the header where it is stored", nil)
	}
	file, err := s.File(ctx, 0)
	if err != nil {
		return Header{}, err
	}
	h, err := ReadHeader(bytes.NewReader(file))
	h.Lossy = h.Lossy || err == nil && slices.ContainsFunc(s.Warnings, func(w dicomio.Warning) bool { return w.Code == dicomio.CodeLossy })
	return h, err
}

// ReadHeader reads patient and study from a DICOM file of any kind. It reads
// no further than it must, and 4 MiB at most. Errors have a code of dicomio
// and hold no value of the file.
func ReadHeader(r io.Reader) (Header, error) {
	const op = "read patient and study"
	b, err := io.ReadAll(io.LimitReader(r, maxHeaderBytes))
	if err != nil {
		return Header{}, refuse(dicomio.CodeUnreadable, op, "the file cannot be read", err)
	}
	f, err := parseFile(op, b, headerElements, 0x00282114)
	if err != nil { // what it must have comes first
		f, err = parseFile(op, b, headerElements, 0x0020FFFF)
	}
	if err != nil {
		return Header{}, err
	}
	h := Header{
		PatientName: f.text(0x00100010), PatientID: f.text(0x00100020), IssuerOfPatientID: f.text(0x00100021),
		PatientBirthDate: date(f.text(0x00100030)), PatientSex: f.text(0x00100040), PatientAge: f.text(0x00101010),
		IdentityRemoved: f.text(0x00120062),
		StudyUID:        f.text(0x0020000D), StudyDate: date(f.text(0x00080020)), StudyTime: clock(f.text(0x00080030)),
		StudyID: f.text(0x00200010), StudyDescription: f.text(0x00081030), AccessionNumber: f.text(0x00080050),
		ReferringPhysician: f.text(0x00080090), TimezoneOffset: offset(f.text(0x00080201)),
		SeriesUID: f.text(0x0020000E), SeriesNumber: f.text(0x00200011), SeriesDescription: f.text(0x0008103E),
		FrameOfReferenceUID: f.text(0x00200052), Modality: f.text(0x00080060),
	}
	if note := f.text(0x00120063); note != "" {
		h.DeidentificationNotes = strings.Split(note, `\`)
	}
	if h.Lossy = f.text(0x00282110) == "01"; h.Lossy {
		h.LossyRatios = strings.FieldsFunc(f.text(0x00282112), backslash)
		h.LossyMethods = strings.FieldsFunc(f.text(0x00282114), backslash)
	}
	return h, nil
}

func backslash(r rune) bool { return r == '\\' }

// date keeps a date of the form YYYYMMDD, and of the older YYYY.MM.DD.
func date(s string) string {
	s = strings.ReplaceAll(s, ".", "")
	if _, err := time.Parse("20060102", s); err != nil {
		return ""
	}
	return s
}

// clock keeps a time of the form HHMMSS.FFFFFF, shortened from the right.
func clock(s string) string {
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(s, ":", ""), ".")
	for _, layout := range []string{"150405", "1504", "15"} {
		if _, err := time.Parse(layout, whole); err != nil {
			continue
		}
		if fraction != "" && layout == "150405" && strings.Trim(fraction, "0123456789") == "" {
			whole += "." + fraction[:min(6, len(fraction))]
		}
		return whole
	}
	return ""
}

// offset keeps an offset from UTC of the form +HHMM.
func offset(s string) string {
	if _, err := time.Parse("-0700", s); err != nil {
		return ""
	}
	return s
}

// AddTo writes the Patient, General Study and Clinical Trial
// modules' part of an object that lies in the study of the images (PS3.3 C.7.1
// and C.7.2). Type 2 elements are there also where they are empty.
func (h Header) AddTo(d *codec.Dataset) {
	d.AddText(0x00080005, "CS", "ISO_IR 192")
	d.AddText(0x00080020, "DA", h.StudyDate)
	d.AddText(0x00080030, "TM", h.StudyTime)
	d.AddText(0x00080050, "SH", h.AccessionNumber)
	d.AddText(0x00080090, "PN", h.ReferringPhysician)
	d.AddAnyText(0x00080201, "SH", h.TimezoneOffset)
	d.AddAnyText(0x00081030, "LO", h.StudyDescription)
	d.AddText(0x00100010, "PN", h.PatientName)
	d.AddText(0x00100020, "LO", h.PatientID)
	d.AddAnyText(0x00100021, "LO", h.IssuerOfPatientID)
	d.AddText(0x00100030, "DA", h.PatientBirthDate)
	d.AddText(0x00100040, "CS", h.PatientSex)
	d.AddAnyText(0x00101010, "AS", h.PatientAge)
	d.AddAnyText(0x00120062, "CS", h.IdentityRemoved)
	if len(h.DeidentificationNotes) > 0 {
		d.AddText(0x00120063, "LO", append([]string(nil), h.DeidentificationNotes...)...)
	}
	d.AddText(0x0020000D, "UI", h.StudyUID)
	d.AddText(0x00200010, "SH", h.StudyID)
}

// AddLossy tells whether the images were compressed with loss, which holds for what
// is derived from them, too (PS3.3 C.7.6.1.1.5).
func (h Header) AddLossy(d *codec.Dataset) {
	if !h.Lossy {
		d.AddText(0x00282110, "CS", "00")
		return
	}
	d.AddText(0x00282110, "CS", "01")
	if len(h.LossyRatios) > 0 {
		d.AddText(0x00282112, "DS", slices.Clone(h.LossyRatios)...)
	}
	if len(h.LossyMethods) > 0 {
		d.AddText(0x00282114, "CS", slices.Clone(h.LossyMethods)...)
	}
}

// Check wants what no object can do without; its error has [CodeReportInvalid].
func (h Header) Check(op string) error {
	if !codec.ValidUID(h.StudyUID) {
		return refuse(CodeReportInvalid, op, "the header has no usable StudyInstanceUID; read it from an image of the series", nil)
	}
	return nil
}

// InZone is a time in the zone in which the times of the study are told, where
// that is known.
func (h Header) InZone(t time.Time) time.Time {
	if at, err := time.Parse("-0700", h.TimezoneOffset); err == nil {
		_, seconds := at.Zone()
		return t.In(time.FixedZone(h.TimezoneOffset, seconds))
	}
	return t
}
