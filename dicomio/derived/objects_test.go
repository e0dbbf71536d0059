package derived

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// testMap is a map of two patches, each voxel of which tells where it is.
func testMap(r result) HeatMap {
	m := HeatMap{Object: r.Object, Sources: slices.Clone(r.sources)}
	for i, centre := range []dicomio.Vec{{1.5, -2, 33.25}, {-40, 0, 7}} {
		p := HeatPatch{ID: r.ids[i], CentreLPS: centre, Edge: 4, Values: make([]float32, 64)}
		for v := range p.Values {
			p.Values[v] = float32(1000*i+v) / 8
		}
		m.Patches = append(m.Patches, p)
	}
	return m
}

func testCapture(r result) Capture {
	img := image.NewNRGBA(image.Rect(5, 5, 8, 10)) // 3 x 5: an odd number of bytes
	for y := 5; y < 10; y++ {
		for x := 5; x < 8; x++ {
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(40 * (x - 5)), G: uint8(40 * (y - 5)), B: 255, A: 255})
		}
	}
	c := Capture{Object: r.Object, Image: img}
	c.Number = 2
	return c
}

func TestObjectsAreValid(t *testing.T) {
	r := testResult(t)
	var heat, capture bytes.Buffer
	if err := testMap(r).Encode(&heat); err != nil {
		t.Fatal(err)
	}
	if err := testCapture(r).Encode(&capture); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"heat map": heat.Bytes(), "capture": capture.Bytes()} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, b)
			if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", file)); len(list) > 0 {
				t.Error(strings.Join(list, "\n"))
			}
			if list := dicomtest.Complaints(dicomtest.Tool(t, "dcmdump", "-q", file)); len(list) > 0 {
				t.Error(strings.Join(list, "\n"))
			}
		})
	}
}

// TestObjectsAsPydicomReadsThem: every voxel of the map comes back at its place
// in the patient, and every pixel of the capture in its colour.
func TestObjectsAsPydicomReadsThem(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import pydicom, numpy").Run(); err != nil {
		t.Skip("no python3-pydicom here")
	}
	r := testResult(t)
	m, c := testMap(r), testCapture(r)
	var heat, capture bytes.Buffer
	if err := m.Encode(&heat); err != nil {
		t.Fatal(err)
	}
	if err := c.Encode(&capture); err != nil {
		t.Fatal(err)
	}
	out := dicomtest.Tool(t, "/usr/bin/python3", "testdata/read_objects.py", writeFile(t, heat.Bytes()), writeFile(t, capture.Bytes()))
	for _, want := range []string{
		// patch 2, z 3, y 2, x 1: its corner is 1.5 mm from the centre
		"voxel -40.5 0.5 8.5 = " + "132.125" + " of Knoten 2 – λ",
		"voxel 0.0 -3.5 31.75 = 0.0 of n1",
		"frame of reference 1.2.826.0.1.3680043.10.9.1.3, 2 sources",
		"pixel 1 4 = 40 160 255 of (5, 3, 3)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("pydicom does not find %q in\n%s", want, out)
		}
	}
}

func TestObjectsAreRefused(t *testing.T) {
	r := testResult(t)
	for name, edit := range map[string]func(*HeatMap, *Capture){
		"identity":  func(m *HeatMap, c *Capture) { m.Identity, c.Identity = "", "" },
		"time":      func(m *HeatMap, c *Capture) { m.Time, c.Time = m.Time.AddDate(-3000, 0, 0), c.Time.AddDate(9000, 0, 0) },
		"study":     func(m *HeatMap, c *Capture) { m.Header.StudyUID, c.Header.StudyUID = "", "1..2" },
		"empty":     func(m *HeatMap, c *Capture) { m.Patches, c.Image = nil, nil },
		"no pixels": func(m *HeatMap, c *Capture) { m.Patches[1].Values, c.Image = nil, image.NewGray(image.Rectangle{}) },
		"too large": func(m *HeatMap, c *Capture) {
			m.Patches[0].Edge, c.Image = 300, image.NewAlpha(image.Rect(0, 0, 1, 5000))
		},
		"number":       func(m *HeatMap, c *Capture) { m.Patches[0].Values[3], c.Number = float32(math.NaN()), -1 },
		"no reference": func(m *HeatMap, c *Capture) { m.Header.FrameOfReferenceUID, c.Header.StudyUID = "", "" },
		"no source":    func(m *HeatMap, c *Capture) { m.Sources[0].SOPInstanceUID, c.Header.StudyUID = "x", "" },
	} {
		m, c := testMap(r), testCapture(r)
		edit(&m, &c)
		var b bytes.Buffer
		if err := m.Encode(&b); dicomio.CodeOf(err) != sr.CodeReportInvalid || b.Len() > 0 {
			t.Errorf("heat map, %s: %v, %d bytes", name, err, b.Len())
		}
		if err := c.Encode(&b); dicomio.CodeOf(err) != sr.CodeReportInvalid || b.Len() > 0 {
			t.Errorf("capture, %s: %v, %d bytes", name, err, b.Len())
		}
	}
}
