package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/use"
)

// writeCubes writes a data set of the 51 mm layout: a ball in each cube, the
// larger the more malignant.
func writeCubes(t *testing.T, malignancy []uint8) string {
	t.Helper()
	const size = 51
	n := len(malignancy)
	cubes, masks := make([]uint8, n*size*size*size), make([]uint8, n*size*size*size)
	var patients []uint32
	for i, m := range malignancy {
		radius := int(m) + 2 + i%3
		for v := range size * size * size {
			z, y, x := v/(size*size)-25, v/size%size-25, v%size-25
			at := i*size*size*size + v
			cubes[at] = uint8(30 + (v*7+i)%11)
			if z*z+y*y+x*x < radius*radius {
				cubes[at], masks[at] = uint8(190+5*(i%7)), 1
			}
		}
		name := make([]uint32, 4)
		for k, c := range fmt.Sprintf("P%03d", i/2) {
			name[k] = uint32(c)
		}
		patients = append(patients, name...)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	shape := fmt.Sprintf("(%d, 51, 51, 51)", n)
	for _, a := range []struct {
		name, descr, shape string
		data               any
	}{{"cubes_u8", "|u1", shape, cubes}, {"masks", "|u1", shape, masks}, {"malignancy", "|u1", fmt.Sprintf("(%d,)", n), malignancy}, {"patient", "<U4", fmt.Sprintf("(%d,)", n), patients}} {
		f, err := w.Create(a.name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", a.descr, a.shape)
		for _, part := range []any{[]byte("\x93NUMPY\x01\x00"), uint16(len(head)), []byte(head), a.data} {
			if err := binary.Write(f, binary.LittleEndian, part); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return checktest.WriteFile(t, "cubes.npz", b.Bytes())
}

// evaluate runs the command.
func evaluate(args ...string) (stdout string, err error) {
	var out, log bytes.Buffer
	cmd := newRootCommand(&globals{})
	cmd.SetArgs(append([]string{"evaluate"}, args...))
	cmd.SetOut(&out)
	cmd.SetErr(&log)
	err = cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func TestEvaluateCommand(t *testing.T) {
	data := writeCubes(t, []uint8{1, 2, 4, 5, 2, 1, 5, 4, 3, 1, 4, 2})
	a, b := testModel(t), filepath.Join(t.TempDir(), "b.safetensors")
	if err := saveModel(b, 2, &stats.Logistic{Intercept: -1, Slope: 9}); err != nil {
		t.Fatal(err)
	}
	scores := filepath.Join(t.TempDir(), "scores.csv")
	out, err := evaluate(data, "--model", a, "--model", b, "--reference", data, "--csv", scores, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var e evaluation.Evaluation
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatal(err)
	}
	if c := e.Counts; c.Nodules != 11 || c.Normals != 6 || c.Patients != 6 || c.Unverified != 11 || e.Indeterminate != 1 {
		t.Errorf("%+v", c)
	}
	for _, row := range []string{"vae-ad", "vae-ad#2", "vae-ad#2: KL", evaluation.RowMaskVolume, evaluation.RowMaskDiameter, evaluation.RowMeanImage} {
		if e.Row(row) == nil {
			t.Errorf("no row %q", row)
		}
	}
	if e.Row(evaluation.RowMaskVolume).Overall.Value != 1 {
		t.Errorf("the baseline of balls that grow with malignancy: %+v", e.Row(evaluation.RowMaskVolume).Overall)
	}
	if d := e.Detectors; len(d) != 8 || d[0].Brier != nil || d[1].Brier == nil || d[0].Digests[0] == d[1].Digests[0] {
		t.Errorf("%+v", d)
	}
	f, err := os.Open(scores)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	lines, err := evaluation.ReadCSV(f)
	if err != nil || len(lines) != 12 {
		t.Fatalf("%d nodules in the file, %v", len(lines), err)
	}
	again, err := evaluation.Tabulate(context.Background(), lines, evaluation.TableOptions{})
	if err != nil || again.Row("vae-ad").Overall != e.Row("vae-ad").Overall {
		t.Errorf("the table read back from the file: %v, %v", again, err)
	}
	text, err := evaluate("--data", data, "--model", a)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| **vae-ad", "Beyond size", "12 of 12 nodules are of patients that could not be verified", "11 nodules of 6 patients: 6 normal, 5 anomalous (prevalence 0.45); patient not verified: 11", use.Statement} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestEvaluateCommandRefuses(t *testing.T) {
	normal := writeCubes(t, []uint8{1, 2, 3, 1})
	model := testModel(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"one class":      {[]string{normal, "--model", model}, exitBadInput, "both normal and anomalous"},
		"no data":        {nil, exitUsage, "no data set"},
		"twice":          {[]string{normal, "--data", normal}, exitUsage, "twice"},
		"a side unknown": {[]string{normal, "--model", model, "--side", "left"}, exitUsage, "choose train"},
		"no readers":     {[]string{normal, "--model", model, "--min-readers", "3"}, exitBadInput, "no array readers"},
		"readers below":  {[]string{normal, "--model", model, "--min-readers", "-1"}, exitUsage, "--min-readers -1"},
		"other masks":    {[]string{normal, "--model", model, "--masks", normal}, exitBadInput, "holds its masks itself"},
		"no such file":   {[]string{"none.npz", "--model", model}, exitBadInput, "none.npz"},
		"no reference":   {[]string{normal, "--model", model, "--reference", "none.npz"}, exitBadInput, "none.npz"},
		"no model":       {[]string{normal, "--model", normal}, exitBadInput, "checkpoint"},
		"no such folder": {[]string{writeCubes(t, []uint8{1, 1, 4, 5}), "--model", model, "--csv", filepath.Join(t.TempDir(), "no", "a.csv")}, exitUsage, "can be written"},
		"unknown flag":   {[]string{normal, "--models", model}, exitUsage, "unknown flag"},
	} {
		_, err := evaluate(c.args...)
		if code := exitCode(t.Context(), err); err == nil || code != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: exit code %d for %v, want %d and %q", name, code, err, c.code, c.says)
		}
	}
	_, err := evaluate(normal, "--model", model)
	if !errors.Is(err, evaluation.ErrOneClass) {
		t.Errorf("%v", err)
	}
}
