package dicomtest

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Tool runs a program of others on a file, and skips where it is not here.
func Tool(t testing.TB, name string, args ...string) string {
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
	// PixelMed: templates 1500, 1410 and 1411 are extensible. It knows them without
	// the manufacturer of an algorithm, the qualitative evaluations of a group and
	// the place of a number of an outline.
	`^Warning: .*\((122405,DCM|121106,DCM|121112,DCM|111001,DCM|111002,DCM|111003,DCM|NDS-[0-9]+,99NDSCOPE),"[^"]*"\)(/IMAGE)?: Content Item not in template$`,
	`^Warning - Missing attribute or value that would be needed to build DICOMDIR - (Study ID|Study Date|Study Time|Patient ID)$`,
}, "|"))

// Complaints are the lines of a validator's output that matter.
func Complaints(out string) (list []string) {
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

// Mistaken tells errors that PixelMed finds in a report where there is none: where a report has
// exactly one image region, that is one nodule, it judges every group by template
// 1410, that of 1411 too (with none, or with several, it checks no group by 1410); and it takes the uncertainty of a number (TID 310, by HAS PROPERTIES) for a number
// that it is inferred from.
func Mistaken(complaint string) bool { return mistaken.MatchString(complaint) }

var mistaken = regexp.MustCompile(`^Error: Template (1410 .*\[Row (5\] SCOORD|7\] IMAGE) .*: Missing conditional content item|` +
	`1419 .*\[Row 1[34]\] NUM .*"\+/-, range of measurement uncertainty"\): Incorrect relationship - expected INFERRED FROM - found HAS PROPERTIES)$`)
