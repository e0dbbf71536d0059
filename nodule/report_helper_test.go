package nodule

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

const (
	classEnhanced      = "1.2.840.10008.5.1.4.1.1.88.22"
	classComprehensive = "1.2.840.10008.5.1.4.1.1.88.33"
	class3D            = "1.2.840.10008.5.1.4.1.1.88.34"
	classExtensible    = "1.2.840.10008.5.1.4.1.1.88.35"
)

// term is a code with its meaning.
type term struct{ value, scheme, meaning string }

func named(c concept) term { return term{c[0], c[1], "meaning"} }

var (
	group     = term{"125007", "DCM", "Measurement Group"}
	finding   = term{"121071", "DCM", "Finding"}
	site      = term{"363698007", "SCT", "Finding Site"}
	region    = term{"111030", "DCM", "Image Region"}
	tracking  = term{"112039", "DCM", "Tracking Identifier"}
	diameter  = term{"81827009", "SCT", "Diameter"}
	noduleSCT = term{"27925004", "SCT", "Nodule"}
)

func testSeries(t testing.TB) *dicomio.Series {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ct")
	if err := dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 12, Rows: 32, Cols: 40, Origin: [3]float64{-12, -10, -100}}); err != nil {
		t.Fatal(err)
	}
	s, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (c term) item() codec.Dataset {
	var d codec.Dataset
	d.AddText(0x00080100, "SH", c.value)
	d.AddText(0x00080102, "SH", c.scheme)
	d.AddText(0x00080104, "LO", c.meaning)
	return d
}

// content is a content item of any kind with children.
func content(relation, kind string, name term, children ...codec.Dataset) codec.Dataset {
	var d codec.Dataset
	d.AddText(0x0040A010, "CS", relation)
	d.AddText(0x0040A040, "CS", kind)
	if name.value != "" {
		d.AddSequence(0x0040A043, name.item())
	}
	if len(children) > 0 {
		d.AddSequence(0x0040A730, children...)
	}
	return d
}

func textItem(name term, text string) codec.Dataset {
	d := content("HAS OBS CONTEXT", "TEXT", name)
	d.AddText(0x0040A160, "UT", text)
	return d
}

func codeItem(relation string, name, value term, children ...codec.Dataset) codec.Dataset {
	d := content(relation, "CODE", name, children...)
	d.AddSequence(0x0040A168, value.item())
	return d
}

func numberItem(name term, v float64, unit string, children ...codec.Dataset) codec.Dataset {
	var measured codec.Dataset
	measured.AddText(0x0040A30A, "DS", codec.Decimal(v))
	measured.AddSequence(0x004008EA, term{unit, "UCUM", unit}.item())
	d := content("CONTAINS", "NUM", name, children...)
	d.AddSequence(0x0040A300, measured)
	return d
}

// shape is an SCOORD of any kind on a slice.
func shape(relation string, name term, kind string, points []float32, image codec.Dataset) codec.Dataset {
	d := content(relation, "SCOORD", name, image)
	d.AddFloat32(0x00700022, "FL", points)
	d.AddText(0x00700023, "CS", kind)
	return d
}

func shape3D(kind, frame string, points ...float32) codec.Dataset {
	d := content("CONTAINS", "SCOORD3D", region)
	d.AddFloat32(0x00700022, "FL", points)
	d.AddText(0x00700023, "CS", kind)
	d.AddText(0x30060024, "UI", frame)
	return d
}

func sliceItem(s *dicomio.Series, z int) codec.Dataset {
	d := content("SELECTED FROM", "IMAGE", term{})
	d.AddSequence(0x00081199, reference(s, z))
	return d
}

func reference(s *dicomio.Series, z int) codec.Dataset {
	var d codec.Dataset
	d.AddText(0x00081150, "UI", s.Slices[z].SOPClassUID)
	d.AddText(0x00081155, "UI", s.Slices[z].SOPInstanceUID)
	return d
}

// writeSR makes a report of any kind of a content tree.
func writeSR(t testing.TB, class string, s *dicomio.Series, root codec.Dataset) []byte {
	t.Helper()
	var series, study codec.Dataset
	var refs []codec.Dataset
	for z := range s.Slices {
		refs = append(refs, reference(s, z))
	}
	series.AddSequence(0x00081199, refs...)
	series.AddText(0x0020000E, "UI", s.SeriesUID)
	study.AddSequence(0x00081115, series)
	study.AddText(0x0020000D, "UI", s.StudyUID)
	d := append(codec.Dataset(nil), root...)
	d.AddText(0x00080005, "CS", "ISO_IR 192")
	d.AddText(0x00080016, "UI", class)
	d.AddText(0x0020000D, "UI", s.StudyUID)
	d.AddSequence(0x0040A375, study)
	var b bytes.Buffer
	if err := codec.Write(&b, d, codec.Meta{Class: class, Instance: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
