package web

import (
	"maps"
	"testing"
)

func TestMediaType(t *testing.T) {
	for header, want := range map[string]map[string]string{
		`multipart/related; type="application/dicom"; boundary=b`:                      {"type": "application/dicom", "boundary": "b"},
		`multipart/related; type=application/dicom; boundary=b`:                        {"type": "application/dicom", "boundary": "b"},
		`multipart/related; boundary=b; type=application/dicom`:                        {"type": "application/dicom", "boundary": "b"},
		`multipart/related; type=application/dicom;boundary=----=_Part_1_12.34`:        {"type": "application/dicom", "boundary": "----=_Part_1_12.34"},
		`multipart/related;boundary="a; b=\"c\\";type=x`:                               {"boundary": `a; b="c\`, "type": "x"},
		`Multipart/Related; TYPE=application/dicom+xml; Boundary=b;`:                   {"type": "application/dicom+xml", "boundary": "b"},
		`multipart/related; type=application/dicom; type="application/dicom"`:          {"type": "application/dicom"},
		`multipart/related;start=<a@b>;transfer-syntax=1.2.840.10008.1.2.1;boundary=b`: {"start": "<a@b>", "transfer-syntax": "1.2.840.10008.1.2.1", "boundary": "b"},
		` multipart/related ;;; boundary = b ;flag; type=x`:                            {"boundary": "b", "type": "x"},
		"multipart/related": {},
	} {
		kind, got, ok := mediaType(header)
		if !ok || kind != kindRelated || !maps.Equal(got, want) {
			t.Errorf("%s: %q %q %v", header, kind, got, ok)
		}
	}
	for _, header := range []string{
		"", ";", "multipart", "multipart/", "/related", "multipart/rel ated", "multipart/related, text/html", "a/b/c; boundary=b",
		`multipart/related; boundary="b`, `multipart/related; boundary=b; boundary=c`, `multipart/related; boundary="b\`,
	} {
		if kind, got, ok := mediaType(header); ok {
			t.Errorf("%q is read as %q %v", header, kind, got)
		}
	}
}
