package nodule

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/internal/npy"
)

// masksBeside is where the masks of a data set are looked for.
func masksBeside(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "_masks" + ext
}

// LoadMasks reads the masks of the nodules of a data set as LoadNPZ gave it from
// a second archive, rows in the same order:
//
//	mask             0 or 1  [n,32,32,32] (z, y, x) 1 where the nodule is
//	patient, nodule  text    [n], may be missing; checked against the data set
//
// LoadNPZ does it with the file of the same name and "_masks" beside the first,
// so LoadMasks is for masks elsewhere. Errors have CodeDatasetInvalid, and leave
// the data set without masks of this file.
func (d *Dataset) LoadMasks(path string) error {
	return openNPZ("load masks", path, d.readMasks)
}

func (d *Dataset) readMasks(r io.ReaderAt, size int64) error {
	if d.Layout == layout51 {
		return errors.New("a data set of 51 mm cubes holds its masks itself")
	}
	a, err := newNPZ(r, size)
	if err != nil {
		return err
	}
	a.n, a.known = len(d.Samples), true
	// What the masks belong to first: a mask of another nodule is worse than none.
	same := func(name string, of func(*Sample) string) error {
		if !a.has(name) {
			return nil
		}
		differs := -1
		err := a.text(name, func(i int, v string) {
			if differs < 0 && v != of(&d.Samples[i]) {
				differs = i
			}
		})
		if err == nil && differs >= 0 {
			err = fmt.Errorf("array %s: row %d is not that of the cubes: the masks belong to another data set or are in another order", name, differs)
		}
		return err
	}
	if err := same("patient", func(s *Sample) string { return s.Patient }); err != nil {
		return err
	}
	if err := same("nodule", func(s *Sample) string { return s.Nodule }); err != nil {
		return err
	}
	masks, volumes := make([][]uint64, len(d.Samples)), make([]int, len(d.Samples))
	err = a.each("mask", []int{CubeSize, CubeSize, CubeSize}, func(arr *npy.Array, i int, b []byte) (err error) {
		masks[i], volumes[i], err = mask(arr, b)
		return err
	})
	if err != nil {
		return err
	}
	for i := range d.Samples {
		d.Samples[i].mask, d.Samples[i].MaskVolume = masks[i], float64(volumes[i]) // voxels of 1 mm³
	}
	d.unused = append(d.unused, a.others("mask", "patient", "nodule")...)
	return nil
}

// Mask tells of every voxel of the cube, [32,32,32] (z, y, x), whether it is the
// nodule's; nil where the data set has no masks.
func (s *Sample) Mask() []bool {
	if s.mask == nil {
		return nil
	}
	out := make([]bool, CubeVoxels)
	for i := range out {
		out[i] = s.mask[i/64]>>(i%64)&1 == 1
	}
	return out
}
