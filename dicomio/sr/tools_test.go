package sr

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
)

// validate has DCMTK and dicom3tools judge a report, and PixelMed, which takes
// longer.
func validate(t *testing.T, name string, thorough bool) {
	t.Helper()
	for _, v := range [][]string{{"dsrdump", "-Er", name}, {"dciodvfy", name}} {
		t.Run(v[0], func(t *testing.T) {
			out := dicomtest.Tool(t, v[0], v[1:]...)
			if list := dicomtest.Complaints(out); len(list) > 0 {
				t.Errorf("%s\n%s", strings.Join(list, "\n"), out)
			}
		})
	}
	if !thorough {
		return
	}
	t.Run("PixelMed", func(t *testing.T) {
		const jar = "/usr/share/java/pixelmed.jar"
		if _, err := os.Stat(jar); err != nil {
			t.Skip("no PixelMed here")
		}
		out := dicomtest.Tool(t, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djdk.xml.xpathTotalOpLimit=0", "-Djdk.xml.xpathExprOpLimit=0", "-Djdk.xml.xpathExprGrpLimit=0",
			"-cp", jar+":/usr/share/java/*", "com.pixelmed.validate.DicomSRValidator", name)
		list := slices.DeleteFunc(dicomtest.Complaints(out), dicomtest.Mistaken)
		if len(list) > 0 {
			t.Errorf("%s\n%s", strings.Join(list, "\n"), out)
		}
		if !strings.Contains(out, "IOD validation complete") {
			t.Errorf("it did not validate:\n%s", out)
		}
	})
}

func TestReportIsValid(t *testing.T) {
	r := testReport(t, seriestest.Named(t))
	for name, r := range map[string]Report{"first": r, "verified": reviewed(r, 1), "verified again": reviewed(r, 2), "no nodules": {Identity: "none", Time: r.Time, Header: r.Header}} {
		t.Run(name, func(t *testing.T) { validate(t, writeFile(t, encode(t, r)), name == "verified again") })
	}
}

// TestPlanarGroupIsValid: a report of a single nodule without an outline, the one
// kind whose group PixelMed checks by template 1410, and nothing is mistaken.
func TestPlanarGroupIsValid(t *testing.T) {
	r := testReport(t, seriestest.Named(t))
	r.Nodules = r.Nodules[:1]
	name := writeFile(t, encode(t, r))
	validate(t, name, true)
}
