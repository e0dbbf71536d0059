package sr

import (
	"bytes"
	"errors"
	"math"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// Limits of what is read.
const (
	maxReportBytes = 16 << 20 // a file, also inflated
	maxElements    = 1 << 18
)

// endOfContent is the last tag of a report's own data set: it has no pixels.
const endOfContent = 0x7FDFFFFF

// contentElements are those that a report is read from.
var contentElements = map[uint32]string{
	0x00080005: "CS", 0x00080016: "UI", 0x0020000D: "UI",
	0x0040A375: "SQ", 0x0040A385: "SQ", 0x00081115: "SQ", 0x0020000E: "UI", // evidence
	0x00081199: "SQ", 0x00081150: "UI", 0x00081155: "UI", 0x00081160: "IS", // references
	0x0040A010: "CS", 0x0040A040: "CS", 0x0040A043: "SQ", 0x0040A168: "SQ", 0x0040A160: "UT", 0x0040A124: "UI",
	0x00080100: "SH", 0x00080102: "SH", 0x00080104: "LO", // codes
	0x0040A300: "SQ", 0x0040A30A: "DS", 0x004008EA: "SQ", // measured values
	0x00700022: "FL", 0x00700023: "CS", 0x30060024: "UI", 0x0040DB73: "UL", 0x0040A730: "SQ",
}

// file is what was read of one.
type file struct {
	codec.Dataset
	charset []string
}

// parseFile reads the elements of a file up to a tag.
func parseFile(op string, b []byte, elements map[uint32]string, last uint32) (*file, error) {
	set, err := codec.Read(bytes.NewReader(b), codec.Wanted{
		Elements: elements, Last: last,
		MaxValue: math.MaxUint32 - 1, MaxTotal: maxReportBytes, MaxInflated: maxReportBytes, MaxElements: maxElements,
	})
	switch dicomio.CodeOf(err) {
	case dicomio.CodeTruncated:
		return nil, refuse(dicomio.CodeTruncated, op, "the file is cut short, or its header is longer than any that is read; fetch it again", errors.Unwrap(err))
	case dicomio.CodeLimit:
		return nil, refuse(dicomio.CodeLimit, op, "the file nests deeper or holds more elements than is read", errors.Unwrap(err))
	}
	if err != nil {
		return nil, refuse(dicomio.CodeUnreadable, op, "the file is no DICOM file, or it is corrupt", errors.Unwrap(err))
	}
	f := &file{Dataset: set.Dataset}
	if names := f.text(0x00080005); names != "" {
		f.charset = strings.Split(names, `\`)
	}
	return f, nil
}

// text returns a text of the file itself, in UTF-8 and trimmed, with the
// backslashes between its values.
func (f *file) text(tag uint32) string { return f.textOf(f.Dataset, tag) }

// textOf returns a text of one of its items.
func (f *file) textOf(d codec.Dataset, tag uint32) string {
	e := d.Find(tag)
	if e == nil {
		return ""
	}
	return strings.Trim(codec.DecodeText(f.charset, e.Value), " \x00")
}
