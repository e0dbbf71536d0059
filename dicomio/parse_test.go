package dicomio

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestWrongStatementOfVR: a data set in explicit VR that is declared implicit, as
// some archives leave it.
func TestWrongStatementOfVR(t *testing.T) {
	const implicit, explicit = "UI\x14\x001.2.840.10008.1.2\x00\x00\x00", "UI\x14\x001.2.840.10008.1.2.1\x00"
	b, err := dicomtest.Encode(dicomtest.Spec{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want, ok := pixelsOf(b)
	if !ok {
		t.Fatal("the file itself is not read")
	}
	declared := bytes.Replace(b, []byte(explicit), []byte(implicit), 1)
	if bytes.Equal(declared, b) {
		t.Fatal("nothing was changed")
	}
	if got, ok := pixelsOf(declared); !ok || !bytes.Equal(got, want) {
		t.Error("explicit VR that is declared implicit is not read")
	}
}

// TestUnknownVR: known elements that a writer stored as UN.
func TestUnknownVR(t *testing.T) {
	b, err := dicomtest.Encode(dicomtest.Spec{Edit: func(_ int, set dicomtest.Elements) {
		set[0x00280010] = dicomtest.Element{VR: "UN", Value: []uint16{16}}
		set[0x00200032] = dicomtest.Element{VR: "UN", Value: `1\2\3 `}
	}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h, err := readHeader(memory{bytes.NewReader(b)}, 1<<20)
	if err != nil || h.format.Rows != 16 || h.position != (Vec{1, 2, 3}) {
		t.Errorf("%v: %+v", err, h)
	}
}

// TestNoPatientDataIsKept: the header that is held knows nothing of the
// patient.
func TestNoPatientDataIsKept(t *testing.T) {
	b, err := dicomtest.Encode(dicomtest.Spec{Edit: func(_ int, set dicomtest.Elements) {
		set.Set(0x00100010, "PN", "DOE^JANE")
		set.Set(0x00100020, "LO", "DOE4711")
	}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseHeader(memory{bytes.NewReader(b)}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if p.Find(0x00100010) != nil || p.Find(0x0020000D) == nil {
		t.Errorf("elements kept: %v", p.Dataset)
	}
	if id := p.Text(0x00100020); id == "" || strings.Contains(id, "4711") {
		t.Errorf("the ID of the patient is kept as %q", id)
	}
}
