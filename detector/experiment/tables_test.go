package experiment

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSheetKeepsEveryBit(t *testing.T) {
	s := &sheet{columns: []string{"step", "loss, of all"}, rows: [][]float64{{1, math.Pi}, {2, -1e-300}}}
	got, err := readSheet(s.csv())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.columns, s.columns) || !slices.Equal(got.column("loss, of all"), []float64{math.Pi, -1e-300}) {
		t.Errorf("read %+v", got)
	}
	if got.column("x") != nil {
		t.Error("a column that is not there has values")
	}
	for _, text := range []string{"", "a,a\n1,2\n", "a\nx\n", "a\nNaN\n", "a\nInf\n", "a,b\n1\n", "a\n1,2\n", strings.Repeat("a,", maxSheetColumns) + "a\n"} {
		if _, err := readSheet([]byte(text)); !errors.Is(err, errSheet) {
			t.Errorf("%.20q: error %v", text, err)
		}
	}
}

func FuzzSheet(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSheet(b)
		if err != nil {
			return
		}
		again, err := readSheet(s.csv())
		if err != nil || len(again.rows) != len(s.rows) {
			t.Errorf("written again it is not read: %v", err)
		}
	})
}

func TestHistoryRepeatsNoEpoch(t *testing.T) {
	dir := folder(t.TempDir())
	h, err := readHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []int{1, 2, 3, 2, 3} { // interrupted after 3, of which the state was lost
		if err := h.epoch(dir, e, [3]float64{float64(e), 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if h, err = readHistory(dir); err != nil || !slices.Equal(h.column("loss"), []float64{1, 2, 3}) {
		t.Errorf("losses %v (%v)", h.column("loss"), err)
	}
}

func TestVariantsAreListedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "variants.csv")
	a := variant{Settings: "s1", Experiment: MNIST, Detector: VAE, Set: "choice set", Row: "vae-ad: latent, k = 1", Networks: 5, Mean: 0.75, Low: 0.7, High: 0.8, Together: 0.78}
	b := a
	b.Row = "vae-ad"
	for _, add := range [][]variant{{a}, {a, b}, {b}, nil} {
		if _, err := addVariants(path, add); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := readVariants(f)
	if err != nil || !slices.Equal(got, []variant{a, b}) {
		t.Errorf("list %+v (%v)", got, err)
	}
	if err := os.WriteFile(path, []byte("another file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := addVariants(path, []variant{a}); !errors.Is(err, errVariants) || !strings.Contains(err.Error(), path) {
		t.Errorf("another file: error %v", err)
	}
	head := strings.Join(variantColumns, ",") + "\n"
	for _, text := range []string{"", head + "a,b\n", head + "s,e,d,t,r,x,1,1,1,1\n", head + "s,e,d,t,r,1,x,1,1,1\n"} {
		if _, err := readVariants(strings.NewReader(text)); !errors.Is(err, errVariants) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzVariants(f *testing.F) {
	f.Add([]byte(strings.Join(variantColumns, ",") + "\ns,mnist,vae,choice set,row,5,0.5,0.4,0.6,0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		vs, err := readVariants(bytes.NewReader(b))
		if err == nil && len(vs) > maxVariants {
			t.Errorf("%d variants were read", len(vs))
		}
	})
}
