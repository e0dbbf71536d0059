package mnist

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// imagesOf and labelsOf are IDX files; the first pixel of an image is its
// digit, the next two its row.
func imagesOf(digits []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, magicImages)
	for _, v := range []int{len(digits), Size, Size} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	for row, d := range digits {
		image := make([]byte, Pixels)
		image[0], image[1], image[2] = d, byte(row>>8), byte(row)
		b = append(b, image...)
	}
	return b
}

func labelsOf(digits []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, magicLabels)
	b = binary.BigEndian.AppendUint32(b, uint32(len(digits)))
	return append(b, digits...)
}

// cycle is n rows of digits in turn.
func cycle(n int) []byte {
	d := make([]byte, n)
	for i := range d {
		d[i] = byte(i % 10)
	}
	return d
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// folder writes four small files, in every spelling once, and returns them with
// their sums.
func folder(t *testing.T, train, test []byte) (string, [4]file) {
	t.Helper()
	dir := t.TempDir()
	files := [4]file{trainImages, trainLabels, testImages, testLabels}
	names := []string{"train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte.gz", "t10k-images.idx3-ubyte", "t10k-labels-idx1-ubyte"}
	for i, b := range [][]byte{imagesOf(train), labelsOf(train), imagesOf(test), labelsOf(test)} {
		sum := sha256.Sum256(b)
		files[i].sum = hex.EncodeToString(sum[:])
		if strings.HasSuffix(names[i], ".gz") {
			b = packed(t, b)
		}
		if err := os.WriteFile(filepath.Join(dir, names[i]), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, files
}

func TestProtocol(t *testing.T) {
	dir, files := folder(t, cycle(11000), cycle(5000))
	s, err := open(dir, files)
	if err != nil {
		t.Fatal(err)
	}
	training, choice := s.Training(), s.Choice()
	test, err := s.Test()
	if err != nil {
		t.Fatal(err)
	}
	if training.Len() != 9216 || choice.Len() != 900 || test.Len() != 900 {
		t.Fatalf("%d, %d and %d images, want 9216, 900 and 900", training.Len(), choice.Len(), test.Len())
	}
	used := map[int]bool{}
	for name, set := range map[string]*Set{"training": training, "choice": choice, "test": test} {
		count := map[int]int{}
		for i := range set.Len() {
			count[set.Digits[i]]++
			image := set.Image(i)
			if row := int(image[1]*255+0.5)<<8 | int(image[2]*255+0.5); row != set.Rows[i] || int(image[0]*255+0.5) != set.Digits[i] {
				t.Fatalf("%s: image %d has the pixels of row %d, digit %g", name, i, row, image[0]*255)
			}
			if name == "test" {
				continue
			}
			if used[set.Rows[i]] {
				t.Fatalf("%s: row %d is used twice", name, set.Rows[i])
			}
			used[set.Rows[i]] = true
		}
		each, nines := evaluatedPerDigit, evaluatedNines
		if name == "training" {
			each, nines = trainingPerDigit, 0
		}
		for digit := range 10 {
			want := each
			if digit == Anomaly {
				want = nines
			}
			if count[digit] != want {
				t.Errorf("%s: %d images of digit %d, want %d", name, count[digit], digit, want)
			}
		}
	}
	rows := slices.Clone(test.Rows)
	slices.Sort(rows)
	if len(slices.Compact(rows)) != test.Len() {
		t.Error("a test image is drawn twice")
	}
	again, err := open(dir, files)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Training().Rows, training.Rows) || !slices.Equal(again.Choice().Rows, choice.Rows) {
		t.Error("the draw differs between two readings")
	}
}

func TestHeadHasAsManyOfEachDigit(t *testing.T) {
	dir, files := folder(t, cycle(11000), cycle(5000))
	s, err := open(dir, files)
	if err != nil {
		t.Fatal(err)
	}
	h := s.Choice().Head(18, 5)
	count := [10]int{}
	for _, d := range h.Digits {
		count[d]++
	}
	if want := [10]int{2, 2, 2, 2, 2, 2, 2, 2, 2, 5}; count != want {
		t.Errorf("digits %v, want %v", count, want)
	}
}

func TestOnlyTestOpensTheTestFiles(t *testing.T) {
	dir, files := folder(t, cycle(11000), cycle(5000))
	for _, name := range []string{"t10k-images.idx3-ubyte", "t10k-labels-idx1-ubyte"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("another file"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := open(dir, files)
	if err != nil {
		t.Fatalf("opening read the test files: %v", err)
	}
	if _, err := s.Test(); err == nil {
		t.Error("other test files were read")
	}
}

func TestRefusals(t *testing.T) {
	dir, files := folder(t, cycle(11000), cycle(5000))
	for name, test := range map[string]struct {
		change func(dir string, files *[4]file)
		want   string
	}{
		"missing": {func(dir string, _ *[4]file) { _ = os.Remove(filepath.Join(dir, "t10k-labels-idx1-ubyte")) }, "t10k-labels.idx1-ubyte"},
		"altered": {func(_ string, f *[4]file) { f[1].sum = trainLabels.sum }, "SHA-256"},
		"cut": {func(dir string, _ *[4]file) {
			path := filepath.Join(dir, "train-labels.idx1-ubyte.gz")
			b, _ := os.ReadFile(path)
			_ = os.WriteFile(path, b[:len(b)/2], 0o600)
		}, "cut or damaged"},
		"too few": {func(dir string, f *[4]file) {
			for i, b := range [][]byte{imagesOf(cycle(500)), labelsOf(cycle(500))} {
				sum := sha256.Sum256(b)
				f[i].sum = hex.EncodeToString(sum[:])
				_ = os.WriteFile(filepath.Join(dir, []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}[i]), b, 0o600)
			}
		}, "50 images of digit 0, the protocol needs 1074"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			f := files
			test.change(copied, &f)
			_, err := open(copied, f)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "make data-mnist") {
				t.Fatalf("error %v, want %q and what to do", err, test.want)
			}
			if nodule.CodeOf(err) != nodule.CodeDatasetInvalid {
				t.Errorf("code %q", nodule.CodeOf(err))
			}
		})
	}
	if _, err := Open(dir); err == nil {
		t.Error("files with other sums are taken for MNIST")
	}
	if err := Check(dir); err == nil {
		t.Error("Check accepts files with other sums")
	}
}

func TestParseRefuses(t *testing.T) {
	images, labels := imagesOf(cycle(3)), labelsOf(cycle(3))
	change := func(b []byte, at int, v byte) []byte {
		b = slices.Clone(b)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"empty": nil, "labels": labels, "cut": images[:len(images)-1], "longer": append(slices.Clone(images), 0),
		"rows": change(images, 11, 27), "columns": change(images, 15, 29), "count": change(images, 4, 1),
	} {
		if _, _, err := parseImages(b); err == nil {
			t.Errorf("images: %s is accepted", name)
		}
	}
	for name, b := range map[string][]byte{
		"empty": nil, "images": images, "cut": labels[:len(labels)-1], "digit": change(labels, 8, 10), "count": change(labels, 4, 1),
	} {
		if _, err := parseLabels(b); err == nil {
			t.Errorf("labels: %s is accepted", name)
		}
	}
	if _, err := unpack(bytes.NewReader(packed(t, make([]byte, maxFile+1)))); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("a file that unpacks to more than the limit: error %v", err)
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(imagesOf(cycle(2)))
	f.Add(labelsOf(cycle(12)))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		b, err := unpack(bytes.NewReader(b))
		if err != nil {
			return
		}
		if pixels, n, err := parseImages(b); err == nil && len(pixels) != n*Pixels {
			t.Errorf("%d pixels for %d images", len(pixels), n)
		}
		if digits, err := parseLabels(b); err == nil && slices.ContainsFunc(digits, func(d byte) bool { return d > 9 }) {
			t.Error("a label is no digit")
		}
	})
}
