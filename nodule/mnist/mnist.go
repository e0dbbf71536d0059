package mnist

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// Anomaly is the digit that training never sees.
const Anomaly = 9

// Sizes of the protocol's sets, per normal digit and for the nines.
const (
	trainingPerDigit  = 1024
	evaluatedPerDigit = 50
	evaluatedNines    = 450
)

// drawSeed is the seed of the protocol's draw.
const drawSeed = 2018

// Set is images with their digits.
type Set struct {
	Pixels []float32 // [n,28,28], rows from the top, 0 (paper) to 1 (ink)
	Digits []int     // [n], 0 to 9
	Rows   []int     // [n], place in the file: it names an image
}

// Len is the number of images.
func (s *Set) Len() int { return len(s.Digits) }

// Image is image i, [28,28]. It must not be changed.
func (s *Set) Image(i int) []float32 { return s.Pixels[i*Pixels : (i+1)*Pixels] }

// Anomalous says whether image i is a nine.
func (s *Set) Anomalous(i int) bool { return s.Digits[i] == Anomaly }

// Head is the first images of each kind, at most so many. The normals stand in
// turns of the nine digits, so a multiple of nine has as many of each.
func (s *Set) Head(normals, anomalies int) *Set {
	out := &Set{}
	for i := range s.Digits {
		left := &normals
		if s.Anomalous(i) {
			left = &anomalies
		}
		if *left > 0 {
			*left--
			out.add(s.Image(i), s.Digits[i], s.Rows[i])
		}
	}
	return out
}

func (s *Set) add(image []float32, digit, row int) {
	s.Pixels, s.Digits, s.Rows = append(s.Pixels, image...), append(s.Digits, digit), append(s.Rows, row)
}

// Source is a folder with the four files.
type Source struct {
	dir    string
	files  [4]file
	pixels []byte // of the training images
	drawn  draw
	digits []byte
}

// Open reads the training files of a folder and draws the sets that stand in
// them. The test files must be there, but are not opened. Errors have the code
// nodule.CodeDatasetInvalid and say how to get the files.
func Open(dir string) (*Source, error) {
	return open(dir, [4]file{trainImages, trainLabels, testImages, testLabels})
}

func open(dir string, files [4]file) (*Source, error) {
	s := &Source{dir: dir, files: files}
	for _, f := range files {
		if _, err := f.find(dir); err != nil {
			return nil, err
		}
	}
	var err error
	if s.pixels, s.digits, err = readPair(dir, files[0], files[1]); err != nil {
		return nil, err
	}
	s.drawn = newDraw(s.digits, 1)
	for digit := range 10 {
		want := trainingPerDigit + evaluatedPerDigit
		if digit == Anomaly {
			want = evaluatedNines
		}
		if err := s.drawn.check(dir, digit, want); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Check verifies all four files of a folder.
func Check(dir string) error {
	for _, f := range []file{trainImages, trainLabels, testImages, testLabels} {
		if _, _, err := f.read(dir); err != nil {
			return err
		}
	}
	return nil
}

// Digest names the data, both training and test files: "sha256:<hex>" of their
// sums. Files with other sums are not read.
func (s *Source) Digest() string {
	h := sha256.New()
	for _, f := range s.files {
		_, _ = fmt.Fprintln(h, f.name, f.sum)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Training is what detectors learn from: 9,216 normals.
func (s *Source) Training() *Set { return s.take(0, trainingPerDigit, 0) }

// Choice is what choices are made on: 450 normals and 450 nines, none of them
// in Training.
func (s *Source) Choice() *Set { return s.take(trainingPerDigit, evaluatedPerDigit, evaluatedNines) }

func (s *Source) take(from, perDigit, nines int) *Set {
	return s.drawn.take(s.pixels, from, perDigit, nines)
}

// Test opens the test files and draws 450 normals and 450 nines. It is the only
// function that reads them: call it once, when nothing is left to choose.
func (s *Source) Test() (*Set, error) {
	pixels, digits, err := readPair(s.dir, s.files[2], s.files[3])
	if err != nil {
		return nil, err
	}
	d := newDraw(digits, 2)
	for digit := range 10 {
		want := evaluatedPerDigit
		if digit == Anomaly {
			want = evaluatedNines
		}
		if err := d.check(s.dir, digit, want); err != nil {
			return nil, err
		}
	}
	return d.take(pixels, 0, evaluatedPerDigit, evaluatedNines), nil
}

func readPair(dir string, images, labels file) (pixels, digits []byte, err error) {
	b, path, err := images.read(dir)
	if err != nil {
		return nil, nil, err
	}
	pixels, n, err := parseImages(b)
	if err != nil {
		return nil, nil, refuse(path, getIt, err)
	}
	if b, path, err = labels.read(dir); err != nil {
		return nil, nil, err
	}
	if digits, err = parseLabels(b); err != nil {
		return nil, nil, refuse(path, getIt, err)
	}
	if len(digits) != n {
		return nil, nil, refuse(path, getIt, fmt.Errorf("%d labels for %d images", len(digits), n))
	}
	return pixels, digits, nil
}

// draw holds the rows of every digit in an order that the seed alone decides.
type draw [10][]int

func newDraw(digits []byte, stream uint64) draw {
	var d draw
	for row, digit := range digits {
		d[digit] = append(d[digit], row)
	}
	for digit, rows := range d {
		rng := rand.New(rand.NewPCG(drawSeed, stream<<8|uint64(digit))) //nolint:gosec // 0 to 9
		rng.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
	}
	return d
}

func (d draw) check(dir string, digit, want int) error {
	if len(d[digit]) < want {
		return refuse(dir, getIt, fmt.Errorf("%d images of digit %d, the protocol needs %d", len(d[digit]), digit, want))
	}
	return nil
}

// take makes a set: the normals in turns of the nine digits, then the nines.
func (d draw) take(pixels []byte, from, perDigit, nines int) *Set {
	s := &Set{}
	add := func(digit, row int) {
		image := make([]float32, Pixels)
		for i, v := range pixels[row*Pixels : (row+1)*Pixels] {
			image[i] = float32(v) / 255
		}
		s.add(image, digit, row)
	}
	for i := range perDigit {
		for digit := range Anomaly {
			add(digit, d[digit][from+i])
		}
	}
	for i := range nines {
		add(Anomaly, d[Anomaly][i])
	}
	return s
}
