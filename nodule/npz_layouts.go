package nodule

import (
	"errors"
	"math"

	"github.com/nodulescope/nodulescope/internal/npy"
)

// Values of Dataset.Layout.
const (
	layoutVOI  = "voi-32mm"
	layoutFull = "full-32mm"
	layout51   = "cubes-51mm"
)

// cubes32 reads the 32 mm layout.
func (a *npz) cubes32() (*Dataset, error) {
	ds := &Dataset{Layout: layoutVOI}
	cube := []int{CubeSize, CubeSize, CubeSize}
	err := a.each("cubes_hu", cube, func(arr *npy.Array, _ int, b []byte) error {
		if arr.Kind != 'i' || arr.Size != 2 {
			return errors.New("the elements are not int16")
		}
		hu := make([]int16, CubeVoxels)
		for v := range hu {
			hu[v] = int16(uint16(b[2*v]) | uint16(b[2*v+1])<<8)
		}
		ds.Samples = append(ds.Samples, Sample{hu: hu, PatientVerified: true})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := ds.Samples
	err = a.each("inside", cube, func(arr *npy.Array, i int, b []byte) error {
		bits, n, err := mask(arr, b)
		if err == nil && n == 0 {
			err = errors.New("no voxel has data")
		}
		s[i].Inside = float64(n) / CubeVoxels
		if n < CubeVoxels {
			s[i].inside = bits
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := a.patients(s); err != nil {
		return nil, err
	}
	if err := a.text("nodule", func(i int, v string) { s[i].Nodule = v }); err != nil {
		return nil, err
	}
	err = a.number("diameter_mm", 1, func(i int, v []float64) error {
		if !(v[0] >= 0 && v[0] <= MaxDiameterMM) {
			return errors.New("a diameter is not within 0 to 200 mm")
		}
		s[i].DiameterMM = v[0]
		return nil
	})
	if err != nil {
		return nil, err
	}
	if a.has("series_uid") {
		if err := a.text("series_uid", func(i int, v string) { s[i].SeriesUID = v }); err != nil {
			return nil, err
		}
	}
	if a.has("position_lps_mm") {
		err := a.number("position_lps_mm", 3, func(i int, v []float64) error {
			s[i].PositionLPS, s[i].HasPosition = position(v), true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	err = a.ratings(ds, "cubes_hu", "inside", "patient", "nodule", "malignancy", "diameter_mm", "series_uid", "position_lps_mm")
	if ds.readers {
		ds.Layout = layoutFull
	}
	return ds, err
}

// cubes51 reads the 51 mm layout.
func (a *npz) cubes51() (*Dataset, error) {
	const size, first = 51, (51 - CubeSize) / 2
	ds := &Dataset{Layout: layout51}
	shape := []int{size, size, size}
	err := a.each("cubes_u8", shape, func(arr *npy.Array, _ int, b []byte) error {
		if arr.Kind != 'u' || arr.Size != 1 {
			return errors.New("the elements are not uint8")
		}
		hu := make([]int16, 0, CubeVoxels)
		for z := first; z < first+CubeSize; z++ {
			for y := first; y < first+CubeSize; y++ {
				row := (z*size + y) * size
				for _, v := range b[row+first : row+first+CubeSize] {
					hu = append(hu, int16(math.Round(-1200+float64(v)*1600/255)))
				}
			}
		}
		ds.Samples = append(ds.Samples, Sample{hu: hu, Inside: 1})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := ds.Samples
	err = a.each("masks", shape, func(arr *npy.Array, i int, b []byte) error {
		bits, n, err := mask(arr, b)
		if err != nil {
			return err
		}
		s[i].MaskVolume = float64(n) // voxels of 1 mm³
		s[i].DiameterMM, s[i].DiameterOfMask = s[i].MaskDiameterMM(), true
		s[i].mask = make([]uint64, CubeVoxels/64)
		for v := range CubeVoxels {
			z, y, x := v/(CubeSize*CubeSize)+first, v/CubeSize%CubeSize+first, v%CubeSize+first
			from := (z*size+y)*size + x
			s[i].mask[v/64] |= bits[from/64] >> (from % 64) & 1 << (v % 64)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := a.patients(s); err != nil {
		return nil, err
	}
	if a.has("patient_verified") {
		if err := a.integer("patient_verified", 0, 1, func(i, v int) { s[i].PatientVerified = v == 1 }); err != nil {
			return nil, err
		}
	}
	if a.has("cube") {
		if err := a.text("cube", func(i int, v string) { s[i].Nodule = v }); err != nil {
			return nil, err
		}
	}
	ds.unused = a.others("cubes_u8", "masks", "patient", "malignancy", "patient_verified", "cube")
	return ds, nil
}

// mask packs bytes of 0 and 1 into bits and counts the ones.
func mask(arr *npy.Array, b []byte) ([]uint64, int, error) {
	if arr.Size != 1 || arr.Kind == 'U' {
		return nil, 0, errors.New("the elements are not bool or uint8")
	}
	bits, n := make([]uint64, (len(b)+63)/64), 0
	for i, v := range b {
		if v > 1 {
			return nil, 0, errors.New("a mask holds a value that is neither 0 nor 1")
		}
		bits[i/64] |= uint64(v) << (i % 64)
		n += int(v)
	}
	return bits, n, nil
}
