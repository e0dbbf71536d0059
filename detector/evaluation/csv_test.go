package evaluation

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/models/compute"
)

// TestCSVRoundTrip: what is read is what was written, to the last bit, and
// makes the same table.
func TestCSVRoundTrip(t *testing.T) {
	want := someScored()
	want[0].Values[0].Value = 1.0 / 3
	want[1].Values[0].Value = -5e-324
	want[2].Patient, want[2].Nodule = `a "quoted", name`, "two\nlines"
	want[3].Seed, want[3].Fold, want[3].Malignancy, want[3].DiameterMM = math.MaxUint64, 4, 0, 0
	want[4].Predictions[0].Probability = math.NaN()
	var b bytes.Buffer
	if err := WriteCSV(&b, want); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "precision") {
		t.Error("a column of what nobody knows")
	}
	if old, err := ReadCSV(&b); err != nil || old[5].Predictions[0].Machine != (compute.Machine{}) {
		t.Errorf("a file without machines: %v", err)
	}
	b.Reset()
	want[5].Predictions[0].Machine = compute.Machine{Device: "opencl:0", Name: "a, card", Precision: compute.Float32}
	if err := WriteCSV(&b, want); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "vae-ad@device,vae-ad@device_name,vae-ad@precision,") {
		t.Error("the file does not say what computed")
	}
	got, err := ReadCSV(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	if n := strings.Count(b.String(), "\n"); n != 1+len(want)+1 { // head, nodules, the line break in a name
		t.Errorf("%d lines", n)
	}
	before, after := tabulated(t), new(bytes.Buffer)
	if err := before.WriteCSV(after); err != nil {
		t.Fatal(err)
	}
	again, err := ReadCSV(after)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Tabulate(t.Context(), again, TableOptions{Reasons: map[string]string{RowMeanImage: "no mean"}, Notes: []string{"a note"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Markdown(), e.Markdown()); diff != "" {
		t.Errorf("the table read back from the file differs:\n%s", diff)
	}
}

func TestWriteCSVRefuses(t *testing.T) {
	taken := someScored()
	for i := range taken {
		taken[i].Values[0].Name = "vae-ad@digest"
	}
	twice := someScored()
	for i := range twice {
		twice[i].Values[1].Name = twice[i].Values[0].Name
	}
	uneven := someScored()
	uneven[5].Values = nil
	for name, s := range map[string][]Scored{"nothing": nil, "a name that is taken": taken, "a name twice": twice, "other rows": uneven} {
		if err := WriteCSV(io.Discard, s); !errors.Is(err, ErrScores) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const (
	csvHead = "data,seed,fold,patient,patient_verified,nodule,label,malignancy,diameter_mm,vae-ad@digest,vae-ad@calibration,vae-ad@probability,vae-ad@percentile,vae-ad@threshold,vae-ad@sensitive_threshold,vae-ad\n"
	csvLine = "d,1,0,P,1,7,normal,2,5.5,s,uncalibrated,,50,2,,0.25\n"
)

func TestReadCSVRefuses(t *testing.T) {
	if s, err := ReadCSV(strings.NewReader(csvHead + csvLine)); err != nil || s[0].Value("vae-ad") != 0.25 || !math.IsNaN(s[0].Predictions[0].Probability) {
		t.Fatalf("%+v, %v", s, err)
	}
	change := func(old, by string) string { return csvHead + csvLine + strings.Replace(csvLine, old, by, 1) }
	for name, text := range map[string]string{
		"empty": "", "head alone": csvHead, "no such file": "patient,nodule,label\na,b,normal\n", "no csv": "\"",
		"label": change("normal", "benign"), "verified": change("P,1", "P,yes"), "seed": change("d,1", "d,-1"), "fold": change(",0,P", ",x,P"),
		"negative fold": change(",0,P", ",-1,P"), "malignancy": change(",2,5.5", ",6,5.5"), "diameter": change("5.5", "-5"), "not a number": change("0.25", "NaN"),
		"infinite": change("0.25", "+Inf"), "too large": change("0.25", "1e999"), "probability": change("uncalibrated,,", "x,2,"), "columns": change(",0.25", ""),
		"half a detector": strings.Replace(csvHead, "vae-ad@percentile,", "", 1) + csvLine, "twice": strings.Replace(csvHead, ",vae-ad\n", ",a,a\n", 1) + csvLine,
		"wide": strings.TrimSpace(csvHead) + strings.Repeat(",x", 300) + "\n",
	} {
		if _, err := ReadCSV(strings.NewReader(text)); !errors.Is(err, ErrScores) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadCSV(strings.NewReader(change("normal", "benign"))); err == nil || !strings.Contains(err.Error(), "line 3") || strings.Contains(err.Error(), "P,") {
		t.Errorf("the error does not name the line: %v", err)
	}
}

// endless repeats a line for ever.
type endless struct{ line string }

func (e *endless) Read(b []byte) (int, error) { return copy(b, e.line), nil }

func TestReadCSVIsBounded(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"lines":    io.MultiReader(strings.NewReader(csvHead), &endless{csvLine}),
		"one line": io.MultiReader(strings.NewReader(csvHead), &endless{"x"}),
	} {
		if _, err := ReadCSV(r); !errors.Is(err, ErrScores) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(csvHead + csvLine))
	f.Add([]byte("data,seed,fold"))
	f.Add([]byte(csvHead + strings.Replace(csvLine, "0.25", "", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadCSV(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrScores) {
				t.Errorf("%v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := WriteCSV(&out, s); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := ReadCSV(&out)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(s, again, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
