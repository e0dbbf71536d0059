package sr

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// tool runs a program of others on a file, and skips where it is not here.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s here", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// allowed are what validators say of a valid file.
var allowed = regexp.MustCompile(strings.Join([]string{
	// dsrdump of DCMTK 3.6.7 cannot check the spelling of UTF-8, and says so.
	`^W: The VR checker does not support this Specific Character Set: ISO_IR 192$`,
	// dciodvfy: Study ID is type 2 and may be empty, as it is in the images.
	// and it knows neither private coding schemes nor the words for a new kind of map.
	`^Warning - Unrecognized defined term <(99NDSCOPE|2\.25\.[0-9]+|AXIAL|RESIDUAL)> for value . of attribute <(Coding Scheme Designator|Coding Scheme UID|Image Type|Frame Type)>$`,
	// PixelMed: templates 1500 and 1410 are extensible. It knows them without the
	// manufacturer of an algorithm and the qualitative evaluations of a group.
	`^Warning: .*\((122405,DCM|121106,DCM|111001,DCM|111002,DCM|111003,DCM|NDS-[0-9]+,99NDSCOPE),"[^"]*"\): Content Item not in template$`,
	`^Warning - Missing attribute or value that would be needed to build DICOMDIR - (Study ID|Study Date|Study Time|Patient ID)$`,
}, "|"))

// complaints are the lines of a validator's output that matter.
func complaints(out string) (list []string) {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		lower := strings.ToLower(line)
		if !allowed.MatchString(line) && (strings.HasPrefix(lower, "w:") || strings.HasPrefix(lower, "e:") || strings.HasPrefix(lower, "f:") ||
			strings.HasPrefix(lower, "warning") || strings.HasPrefix(lower, "error")) {
			list = append(list, line)
		}
	}
	return list
}

// validate has DCMTK and dicom3tools judge a report, and PixelMed, which takes
// longer.
func validate(t *testing.T, name string, thorough bool) {
	t.Helper()
	for _, v := range [][]string{{"dsrdump", "-Er", name}, {"dciodvfy", name}} {
		t.Run(v[0], func(t *testing.T) {
			out := tool(t, v[0], v[1:]...)
			if list := complaints(out); len(list) > 0 {
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
		out := tool(t, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djdk.xml.xpathTotalOpLimit=0", "-Djdk.xml.xpathExprOpLimit=0", "-Djdk.xml.xpathExprGrpLimit=0",
			"-cp", jar+":/usr/share/java/*", "com.pixelmed.validate.DicomSRValidator", name)
		if list := complaints(out); len(list) > 0 {
			t.Errorf("%s\n%s", strings.Join(list, "\n"), out)
		}
		if !strings.Contains(out, "IOD validation complete") {
			t.Errorf("it did not validate:\n%s", out)
		}
	})
}

func TestReportIsValid(t *testing.T) {
	r := testReport(t, testSeries(t))
	for name, r := range map[string]Report{"first": r, "verified": reviewed(r, 1), "verified again": reviewed(r, 2), "no nodules": {Identity: "none", Time: r.Time, Header: r.Header}} {
		t.Run(name, func(t *testing.T) { validate(t, writeFile(t, encode(t, r)), name == "verified again") })
	}
}
