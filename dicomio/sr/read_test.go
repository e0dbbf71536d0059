package sr

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestNotReports: what is none is refused, and says why.
func TestNotReports(t *testing.T) {
	s := seriestest.Named(t)
	image, err := os.ReadFile(s.Slices[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	whole := encode(t, testReport(t, s))
	for name, c := range map[string]struct {
		b    []byte
		want dicomio.Code
	}{
		"image":    {image, CodeNotReport},
		"cut":      {whole[:len(whole)-10], dicomio.CodeTruncated},
		"nothing":  {nil, dicomio.CodeUnreadable},
		"text":     {bytes.Repeat([]byte("text"), 1000), dicomio.CodeUnreadable},
		"too long": {append(bytes.Clone(whole), make([]byte, maxReportBytes)...), dicomio.CodeLimit},
	} {
		if _, err := Read(bytes.NewReader(c.b)); dicomio.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}

// TestRealReport takes two chest CT: a point for each nodule of LUNA16 is found
// by an independent reader on the right image.
func TestRealReport(t *testing.T) {
	data := checktest.Data(t)
	for patient, nodules := range map[string][]dicomio.Vec{
		"LIDC-IDRI-0001": {{56.2, 86.3, -115.9}},
		"LIDC-IDRI-0003": {{72.3, 76.9, -190.5}, {23.5, -47.6, -172.3}, {-47.4, -30.2, -169.6}},
	} {
		t.Run(patient, func(t *testing.T) {
			s, err := dicomio.OpenSeries(context.Background(), filepath.Join(data, "ct", patient), "", dicomio.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := Report{Identity: patient, Time: testReport(t, seriestest.Named(t)).Time}
			if r.Header, err = HeaderOf(context.Background(), s); err != nil || r.Header.PatientID != patient {
				t.Fatal("the header is not that of the patient", err)
			}
			for i, p := range nodules {
				at, ok := s.OnImage(p)
				if !ok {
					t.Fatalf("nodule %d is on no image", i)
				}
				r.Nodules = append(r.Nodules, Nodule{ID: string(rune('a' + i)), PositionLPS: p, Image: at})
			}
			b := encode(t, r)
			validate(t, writeFile(t, b), false)
			nodulesWithin(t, readByPydicom(t, s, b), r.Nodules)
		})
	}
}

// TestOwnReportsAreKnown: what scores candidates is no report that brings them.
func TestOwnReportsAreKnown(t *testing.T) {
	own := encode(t, testReport(t, seriestest.Named(t)))
	if !IsOwn(own) {
		t.Error("a report of this package is not known")
	}
	if IsOwn(bytes.ReplaceAll(own, []byte("99NDSCOPE"), []byte("99OTHERS "))) {
		t.Error("a report of others is taken for one of this package")
	}
}
