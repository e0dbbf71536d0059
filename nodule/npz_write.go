package nodule

import (
	"archive/zip"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/npy"
)

// NewSample packs a cube and the mask of its nodule, both [32,32,32], as LoadNPZ
// gives them: HU rounded to whole numbers. mask may be nil: unknown. The caller
// sets what is known of the nodule. It panics where an array has another size.
func NewSample(cube *Cube, mask []bool) Sample {
	if len(cube.HU) != CubeVoxels || len(cube.Valid) != CubeVoxels || mask != nil && len(mask) != CubeVoxels {
		panic(fmt.Sprintf("nodule: a cube of %d voxels and a mask of %d, want %d", len(cube.HU), len(mask), CubeVoxels))
	}
	s := Sample{hu: make([]int16, CubeVoxels), PatientVerified: true}
	inside, count := make([]uint64, CubeVoxels/64), 0
	for i, v := range cube.HU {
		s.hu[i] = InvalidHU
		if cube.Valid[i] {
			s.hu[i] = int16(math.Round(min(max(float64(v), math.MinInt16), math.MaxInt16)))
			inside[i/64] |= 1 << (i % 64)
			count++
		}
	}
	if s.Inside = float64(count) / CubeVoxels; count < CubeVoxels {
		s.inside = inside
	}
	if mask != nil {
		s.mask = make([]uint64, CubeVoxels/64)
		for i, in := range mask {
			if in {
				s.mask[i/64] |= 1 << (i % 64)
				s.MaskVolume++ // voxels of 1 mm³
			}
		}
	}
	return s
}

// SaveNPZ writes samples as LoadNPZ reads them, layout "full-32mm", with their
// masks in a second archive beside the first (set_masks.npz beside set.npz) where
// all have one. Each file is replaced whole or not at all, that of the masks
// first: LoadNPZ refuses masks of other nodules. The same samples give the same
// bytes. Errors have CodeDatasetInvalid where samples cannot be written in this
// layout, and are those of the file system otherwise.
func SaveNPZ(path string, samples []Sample) error {
	bad := func(format string, args ...any) error {
		return &Error{Code: CodeDatasetInvalid, Op: "write data set", Path: path, Hint: fmt.Sprintf(format, args...)}
	}
	if len(samples) == 0 || len(samples) > MaxDatasetSamples {
		return bad("%d nodules; a file has 1 to %d of them", len(samples), MaxDatasetSamples)
	}
	masks := true
	for i := range samples {
		s := &samples[i]
		masks = masks && s.mask != nil
		switch {
		case len(s.hu) != CubeVoxels:
			return bad("row %d has no cube", i)
		case s.Patient == "" || s.Malignancy < 1 || s.Malignancy > 5 || !(s.DiameterMM >= 0 && s.DiameterMM <= MaxDiameterMM):
			return bad("row %d has no patient, or a rating or diameter out of range", i)
		}
	}
	if masks {
		err := saveZip(masksBeside(path), func(z *zip.Writer) error {
			return errors.Join(writeBits(z, "mask", samples, func(s *Sample) []uint64 { return s.mask }),
				writeTexts(z, "patient", samples, func(s *Sample) string { return s.Patient }),
				writeTexts(z, "nodule", samples, func(s *Sample) string { return s.Nodule }))
		})
		if err != nil {
			return err
		}
	}
	return saveZip(path, func(z *zip.Writer) error { return writeSamples(z, samples) })
}

func saveZip(path string, write func(*zip.Writer) error) error {
	return atomicfile.Write(path, 0o600, func(w io.Writer) error {
		z := zip.NewWriter(&limited{w, MaxDatasetBytes})
		z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
		return errors.Join(write(z), z.Close())
	})
}

// limited refuses to write a file that LoadNPZ would refuse to read.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, &Error{Code: CodeDatasetInvalid, Op: "write data set", Hint: fmt.Sprintf("it would have more than %d MiB: choose fewer nodules", MaxDatasetBytes>>20)}
	}
	return l.w.Write(p)
}

func writeSamples(z *zip.Writer, samples []Sample) error {
	cube := []int{len(samples), CubeSize, CubeSize, CubeSize}
	errs := []error{
		writeRows(z, "cubes_hu", "<i2", cube, 2*CubeVoxels, func(i int, b []byte) {
			for v, hu := range samples[i].hu {
				binary.LittleEndian.PutUint16(b[2*v:], uint16(hu)) //nolint:gosec // its bits
			}
		}),
		writeBits(z, "inside", samples, func(s *Sample) []uint64 { return s.inside }),
		writeTexts(z, "patient", samples, func(s *Sample) string { return s.Patient }),
		writeTexts(z, "nodule", samples, func(s *Sample) string { return s.Nodule }),
		writeTexts(z, "series_uid", samples, func(s *Sample) string { return s.SeriesUID }),
		writeFloats(z, "position_lps_mm", []int{len(samples), 3}, func(i int) []float64 { return samples[i].PositionLPS[:] }),
		writeFloats(z, "diameter_mm", []int{len(samples)}, func(i int) []float64 { return []float64{samples[i].DiameterMM} }),
		writeRating(z, "malignancy", samples, func(s *Sample) int { return s.Malignancy }),
		writeRating(z, "readers", samples, func(s *Sample) int { return s.Readers }),
	}
	names := map[string]bool{}
	for i := range samples {
		for name := range samples[i].Ratings {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		errs = append(errs, writeRating(z, name, samples, func(s *Sample) int { return s.Ratings[name] }))
	}
	return errors.Join(errs...)
}

// writeRows writes an array whose rows of size bytes fill writes.
func writeRows(z *zip.Writer, name, descr string, shape []int, size int, fill func(i int, b []byte)) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Deflate})
	if err == nil {
		err = npy.WriteHeader(w, descr, shape...)
	}
	b := make([]byte, size)
	for i := 0; i < shape[0] && err == nil; i++ {
		fill(i, b)
		_, err = w.Write(b)
	}
	return err
}

// writeBits writes bits as bytes of 0 and 1; where there are none, all are 1.
func writeBits(z *zip.Writer, name string, samples []Sample, of func(*Sample) []uint64) error {
	return writeRows(z, name, "|u1", []int{len(samples), CubeSize, CubeSize, CubeSize}, CubeVoxels, func(i int, b []byte) {
		bits := of(&samples[i])
		for v := range b {
			b[v] = 1
			if bits != nil {
				b[v] = byte(bits[v/64] >> (v % 64) & 1)
			}
		}
	})
}

func writeFloats(z *zip.Writer, name string, shape []int, of func(i int) []float64) error {
	size := 8
	if len(shape) > 1 {
		size *= shape[1]
	}
	return writeRows(z, name, "<f8", shape, size, func(i int, b []byte) {
		for k, v := range of(i) {
			binary.LittleEndian.PutUint64(b[8*k:], math.Float64bits(v))
		}
	})
}

func writeRating(z *zip.Writer, name string, samples []Sample, of func(*Sample) int) error {
	return writeRows(z, name, "|u1", []int{len(samples)}, 1, func(i int, b []byte) {
		b[0] = byte(min(max(of(&samples[i]), 0), maxRating)) //nolint:gosec // a rating
	})
}

func writeTexts(z *zip.Writer, name string, samples []Sample, of func(*Sample) string) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Deflate})
	if err != nil {
		return err
	}
	texts := make([]string, len(samples))
	for i := range samples {
		texts[i] = of(&samples[i])
	}
	return npy.WriteText(w, texts)
}
