package experiment

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

func TestPatientNumbers(t *testing.T) {
	ds := &nodule.Dataset{}
	for _, p := range []string{"P9", "P10", "", "P2", "P10", "P3", "P4", "P5", "P6", "P7", "P8", "P1"} {
		ds.Samples = append(ds.Samples, nodule.Sample{Patient: p})
	}
	got := patientNumbers(ds)
	if got["P1"] != "01" || got["P10"] != "02" || got["P9"] != "10" || len(got) != 10 {
		t.Errorf("numbers %v: want 01 to 10 in the order of the identifiers", got)
	}
	if got[""] != "" {
		t.Errorf("a case without a patient has the number %q", got[""])
	}
}

// TestNoPatientsInARun looks for the identifiers of the data set in everything
// that a run leaves, and for their numbers in the scores.
func TestNoPatientsInARun(t *testing.T) {
	o := wholeNodules(t)
	err := filepath.WalkDir(o.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := readBounded(path)
		if bytes.Contains(b, []byte("whoP")) {
			t.Errorf("%s names a patient", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := folder(o.Dir).read(scoresFile)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		if len(l[3]) != 2 || strings.Trim(l[3], "0123456789") != "" {
			t.Errorf("patient %q of nodule %s: want a number of two digits", l[3], l[5])
		}
	}
}
