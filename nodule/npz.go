package nodule

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/npy"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Limits of a data set file.
const (
	MaxDatasetBytes   = 512 << 20 // of the file
	MaxDatasetSamples = 8192      // 580 MiB of memory
	maxNPZEntries     = 256
)

// LoadNPZ reads labelled nodules from a NumPy archive (.npz) of one of two
// layouts, told apart by their arrays. n is the number of nodules.
//
// 32 mm, a nodule in each cube of 1 mm voxels:
//
//	cubes_hu         integer [n,32,32,32] (z, y, x) HU
//	inside           0 or 1  [n,32,32,32] 1 where the source had data
//	patient, nodule  text    [n]
//	malignancy       integer [n] 1 to 5
//	diameter_mm      number  [n]
//	series_uid       text    [n], may be missing
//	position_lps_mm  number  [n,3], may be missing
//
// and ratings as integers from 0 to 100 [n] under their names. Of these readers
// says how many readers rated the nodule (Dataset.MinReaders), and rating_1,
// rating_2, ... what each of them said, 0 for none. Masks of the nodules lie in a
// second file beside the first, set_masks.npz beside set.npz (LoadMasks).
//
// 51 mm cubes with a mask:
//
//	cubes_u8         uint8   [n,51,51,51] (z, y, x) 0 = -1200 HU, 255 = +400 HU
//	masks            0 or 1  [n,51,51,51]
//	malignancy, patient as above
//	patient_verified bool    [n], may be missing
//	cube             text    [n], the nodule's name, may be missing
//
// Of these the voxels 9 to 40 of every axis are kept. Their centre lies half a
// voxel before that of the 51 voxels (index 25), so the nodule is at index 16 of
// the cube and not at 15.5. HU are rounded to whole numbers.
//
// Whatever else an archive holds, of any shape and kind, is not read;
// Dataset.Notes names it.
//
// Errors have CodeDatasetInvalid and name the array.
func LoadNPZ(path string) (*Dataset, error) {
	var ds *Dataset
	err := openNPZ("load data set", path, func(r io.ReaderAt, size int64) (err error) {
		ds, err = readNPZ(r, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	beside := masksBeside(path)
	if _, err := os.Stat(beside); err != nil || ds.Layout == layout51 {
		return ds, nil
	}
	return ds, ds.LoadMasks(beside)
}

// openNPZ passes an archive that is small enough to read. Errors have
// CodeDatasetInvalid.
func openNPZ(op, path string, read func(r io.ReaderAt, size int64) error) error {
	fail := func(err error) error {
		return &Error{Code: CodeDatasetInvalid, Op: op, Path: path, Err: err}
	}
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return fail(err)
	}
	defer f.Close() //nolint:errcheck // only read
	st, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if st.Size() > MaxDatasetBytes {
		return fail(fmt.Errorf("the file has %d bytes, over the limit of %d", st.Size(), MaxDatasetBytes))
	}
	if err := read(f, st.Size()); err != nil {
		return fail(err)
	}
	return nil
}

func readNPZ(r io.ReaderAt, size int64) (*Dataset, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size)); err != nil {
		return nil, err
	}
	a, err := newNPZ(r, size)
	if err != nil {
		return nil, err
	}
	var ds *Dataset
	switch {
	case a.has("cubes_hu"):
		ds, err = a.cubes32()
	case a.has("cubes_u8"):
		ds, err = a.cubes51()
	default:
		return nil, errors.New("neither cubes_hu nor cubes_u8 is in the archive; see LoadNPZ for the arrays that are needed")
	}
	if err != nil {
		return nil, err
	}
	ds.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return ds, nil
}

// npz reads the arrays of an archive. The first array read sets n; every other
// must have as many rows.
type npz struct {
	files map[string]*zip.File
	n     int
	known bool
}

func newNPZ(r io.ReaderAt, size int64) (*npz, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("not a NumPy archive (.npz): %w", err)
	}
	if len(z.File) > maxNPZEntries {
		return nil, fmt.Errorf("%d arrays are over the limit of %d", len(z.File), maxNPZEntries)
	}
	a := &npz{files: map[string]*zip.File{}}
	for _, f := range z.File {
		if a.files[f.Name] != nil {
			return nil, fmt.Errorf("two arrays are called %.64q", f.Name)
		}
		a.files[f.Name] = f
	}
	return a, nil
}

func (a *npz) has(name string) bool { return a.files[name+".npy"] != nil }

// each passes the raw elements of every row of an array of shape [n, rest...].
func (a *npz) each(name string, rest []int, row func(arr *npy.Array, i int, b []byte) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("array %s: %w", name, err)
		}
	}()
	f := a.files[name+".npy"]
	if f == nil {
		return errors.New("missing; see LoadNPZ for the arrays that are needed")
	}
	rc, err := f.Open()
	if err != nil {
		return err
	}
	defer rc.Close() //nolint:errcheck // only read
	arr, err := npy.Open(rc)
	if err != nil {
		return err
	}
	n, err := arr.Rows(MaxDatasetSamples, rest...)
	if err != nil {
		return err
	}
	if a.known && n != a.n {
		return fmt.Errorf("%d rows, but the cubes have %d", n, a.n)
	}
	a.n, a.known = n, true
	size := arr.Size
	for _, d := range rest {
		size *= d
	}
	buf := make([]byte, size)
	for i := range n {
		if err := arr.Next(buf); err != nil {
			return err
		}
		if err := row(arr, i, buf); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return arr.End()
}

// number reads an array [n, width] of finite numbers.
func (a *npz) number(name string, width int, set func(i int, v []float64) error) error {
	var rest []int
	if width > 1 {
		rest = []int{width}
	}
	v := make([]float64, width)
	return a.each(name, rest, func(arr *npy.Array, i int, b []byte) error {
		if err := arr.Numbers(b, v); err != nil {
			return err
		}
		return set(i, v)
	})
}

// integer reads an array [n] of whole numbers from lo to hi.
func (a *npz) integer(name string, lo, hi int, set func(i, v int)) error {
	return a.number(name, 1, func(i int, v []float64) error {
		if v[0] != math.Trunc(v[0]) || v[0] < float64(lo) || v[0] > float64(hi) {
			return fmt.Errorf("%g is not a whole number from %d to %d", v[0], lo, hi)
		}
		set(i, int(v[0]))
		return nil
	})
}

func (a *npz) text(name string, set func(i int, s string)) error {
	return a.each(name, nil, func(arr *npy.Array, i int, b []byte) error {
		s, err := arr.Text(b)
		if err == nil {
			set(i, s)
		}
		return err
	})
}

// patients reads what both layouts share.
func (a *npz) patients(s []Sample) error {
	if err := a.text("patient", func(i int, p string) { s[i].Patient = p }); err != nil {
		return err
	}
	for i := range s {
		if s[i].Patient == "" {
			return fmt.Errorf("array patient: row %d: empty; without it the data cannot be split", i)
		}
	}
	return a.integer("malignancy", 1, 5, func(i, v int) { s[i].Malignancy, s[i].Label = v, LabelOf(v) })
}

func position(v []float64) dicomio.Vec { return dicomio.Vec{v[0], v[1], v[2]} }
