package nodule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// maxCandidateFileBytes bounds a file of candidates.
const maxCandidateFileBytes = 32 << 20

// ErrNotCandidates is the cause of the error for what is no file of candidates
// of any kind, unlike one that is broken. A watcher passes it over.
var ErrNotCandidates = errors.New("not a file of candidates")

// Kind is the kind of a file of candidates.
type Kind string

// Kinds of files.
const (
	KindJSON   Kind = "json"
	KindLUNA16 Kind = "luna16"
	KindLIDC   Kind = "lidc"
	KindReport Kind = "report"
)

// CandidateFile is what a file says about where nodules are, before it is
// known which series they are looked for in; [CandidateFile.In] places them in
// one. What the file does not name is empty.
type CandidateFile struct {
	Kind                Kind
	StudyUID            string
	SeriesUIDs          []string // sorted; a report names those of its images in its marks
	FrameOfReferenceUID string   // of all positions; a report names those of its points in its marks
	Own                 bool     // a report of this program: it scores candidates and brings none of its own

	Marks   []Mark    // of JSON and reports
	Skipped []Skipped // of a report: what marks no nodule; of JSON: what is not read

	text []byte // of a table or of contours, which are read for one series
}

// Mark is a place that a file marks.
type Mark struct {
	ID          string
	TrackingUID string  // of a report; may be empty
	DiameterMM  float64 // 0: unknown
	Confidence  float64 // 0: unknown

	// Points is where it is: in the patient, or, where that list is empty, on
	// images.
	Points              []dicomio.Vec // LPS mm
	FrameOfReferenceUID string        // of Points; empty: that of the series
	Images              []dicomio.ImagePoint
	SeriesUID           string // of the images, where the report says; of a candidate in JSON, where it names one
	StudyUID            string // of a candidate in JSON, where it names one
}

// Skipped tells what a file holds that is no candidate.
type Skipped struct {
	Reason string // without a value of the file
	Count  int
}

// ReadCandidates reads a file of candidates, whose kind is told by its content:
//
//   - JSON: an array of candidates, or an object that has one under "nodules"
//     and may have study_uid, series_uid and frame_of_reference_uid beside it or
//     in each candidate, also as SeriesInstanceUID and in other usual spellings;
//   - CSV with LUNA16's columns seriesuid, coordX, coordY, coordZ and perhaps
//     diameter_mm, in any order, with commas, semicolons or tabs between them;
//   - LIDC XML, the contours of several readers;
//   - a DICOM structured report that marks nodules, see [dicomio/sr.Read].
//
// Its error is an *Error: CodeCandidateFileInvalid, CodeNoCandidates, a code of
// [ValidateAll], or one of dicomio or sr for a DICOM file. It wraps
// [ErrNotCandidates] where the file is of none of these kinds.
func ReadCandidates(r io.Reader) (*CandidateFile, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCandidateFileBytes+1))
	if err != nil {
		return nil, badFileCause(err, "cannot be read")
	}
	if len(data) > maxCandidateFileBytes {
		return nil, badFileCause(ErrNotCandidates, "larger than the limit of %d MiB", maxCandidateFileBytes>>20)
	}
	if len(data) > 132 && string(data[128:132]) == "DICM" {
		return readReport(data)
	}
	whole := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text := bytes.TrimSpace(whole)
	switch {
	case isUTF16(text):
		return nil, badFileCause(ErrNotCandidates, "the text is UTF-16; save it as UTF-8")
	case len(text) == 0:
		return nil, badFileCause(ErrNotCandidates, "the file is empty")
	case text[0] == '{' || text[0] == '[':
		return readJSON(text)
	case text[0] == '<':
		return readLIDCHead(asUTF8(text))
	}
	return readLUNA16Head(bytes.TrimLeft(bytes.TrimRight(whole, "\r\n"), "\r\n ")) // a tab at the end is an empty field
}

// isUTF16 tells text of two bytes a character, by its mark or its first zero.
func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) ||
		len(text) > 3 && (text[0] == 0 || text[1] == 0)
}

// asUTF8 takes text that is no UTF-8 for Latin-1. What is read of it is ASCII.
func asUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, b := range text {
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}

// OpenCandidates is [ReadCandidates] of a regular file; anything else is refused
// before it is opened. ctx ends it also where the storage does not answer.
func OpenCandidates(ctx context.Context, path string) (*CandidateFile, error) {
	const op = "read candidates"
	info, err := storage.Stat(ctx, path)
	if err == nil && !info.Mode().IsRegular() {
		err = smallfile.ErrNotRegular
	}
	var f *storage.File
	if err == nil {
		f, err = storage.Open(ctx, path)
	}
	if err != nil && (ctx.Err() != nil || CodeOf(err) != "") {
		return nil, fmt.Errorf("%s %s: %w", op, path, err)
	}
	if err != nil {
		return nil, &Error{Code: CodeCandidateFileInvalid, Op: op, Path: path, Err: err}
	}
	defer f.Close() //nolint:errcheck // only read
	file, err := ReadCandidates(io.NewSectionReader(f, 0, f.Size()))
	if silent := f.Silent(); silent != nil {
		err = silent
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", op, path, err)
	}
	return file, nil
}

// Names tells whether the file names a series; a file that names none may be
// about any.
func (f *CandidateFile) Names(seriesUID string) bool {
	_, found := slices.BinarySearch(f.SeriesUIDs, seriesUID)
	return found
}

// In gives the candidates that the file has in a series: valid, with unique
// ids, at least one. A report may have more than 512 of them. What
// was left out is told, too: marks of a report that are on images of another
// series, rows of a table and candidates of JSON that name another.
//
// Errors: CodeCandidateElsewhere where JSON or contours name another study, series
// or frame of reference, and where no mark of a report lies in the series;
// CodeNoCandidates where a table has no row of it;
// CodeCandidateFileInvalid where contours are of another series, and where
// rows or contours are broken; the codes of ValidateAll.
func (f *CandidateFile) In(series *dicomio.Series) ([]Candidate, []Skipped, error) {
	if err := f.belongs(series); err != nil {
		return nil, nil, err
	}
	switch f.Kind {
	case KindLUNA16:
		return parseLUNA16(f.text, series.SeriesUID)
	case KindLIDC:
		return parseLIDC(f.text, series)
	}
	skipped := slices.Clone(f.Skipped)
	var list []Candidate
	var first error
	for _, m := range f.Marks {
		var at dicomio.Vec
		err := f.notOf(m, series)
		if err == nil {
			at, err = m.place(series)
		}
		c := m.candidate(at)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			if first == nil {
				first = err
			}
			skipped = skip(skipped, why(err))
			continue
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		if first == nil {
			first = ValidateAll(nil)
		}
		return nil, skipped, first
	}
	if f.Kind == KindJSON { // names of several series may be equal
		return list, skipped, ValidateAll(list)
	}
	return list, skipped, nil
}

// candidate is the mark at its place.
func (m Mark) candidate(at dicomio.Vec) Candidate {
	return Candidate{ID: m.ID, PositionLPS: at, DiameterMM: m.DiameterMM, Confidence: m.Confidence}
}

// notOf refuses a candidate in JSON that names what the series is not. Those of
// others are left out, as the rows of a table are.
func (f *CandidateFile) notOf(m Mark, s *dicomio.Series) error {
	if f.Kind != KindJSON {
		return nil
	}
	return Named{StudyUID: m.StudyUID, SeriesUID: m.SeriesUID, FrameOfReferenceUID: m.FrameOfReferenceUID}.Belongs(s)
}

// why says in a few words why a mark was left out.
func why(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code == CodeCandidateElsewhere {
		return e.Hint
	}
	return "the position, the diameter or the id is out of range"
}

// skip counts a thing that was left out.
func skip(list []Skipped, reason string) []Skipped {
	for i := range list {
		if list[i].Reason == reason {
			list[i].Count++
			return list
		}
	}
	return append(list, Skipped{Reason: reason, Count: 1})
}

// place gives the place of a mark in a series, in LPS mm: the mean of its
// points, or of its points on images.
func (m Mark) place(s *dicomio.Series) (dicomio.Vec, error) {
	const op = "place candidate"
	points := m.Points
	if len(points) > 0 && m.FrameOfReferenceUID != "" && m.FrameOfReferenceUID != s.FrameOfReferenceUID {
		if s.FrameOfReferenceUID == "" {
			return dicomio.Vec{}, elsewhere(op, "the report gives the candidate's place in a frame of reference, and the series has none")
		}
		return dicomio.Vec{}, elsewhere(op, "the candidate's frame of reference in the report differs from that of the series")
	}
	if len(points) == 0 {
		for _, at := range m.Images {
			if p, ok := s.InPatient(at); ok {
				points = append(points, p)
			}
		}
	}
	if len(points) == 0 {
		return dicomio.Vec{}, elsewhere(op, "the report marks the candidate on images that are not in the series")
	}
	var sum dicomio.Vec
	for _, p := range points {
		for i := range sum {
			sum[i] += p[i] / float64(len(points))
		}
	}
	return sum, nil
}

func badFile(format string, args ...any) error {
	return &Error{Code: CodeCandidateFileInvalid, Op: "parse candidates", Hint: fmt.Sprintf(format, args...)}
}

func badFileCause(err error, format string, args ...any) error {
	return &Error{Code: CodeCandidateFileInvalid, Op: "parse candidates", Hint: fmt.Sprintf(format, args...), Err: err}
}
