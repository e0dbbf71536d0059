package nodule

import (
	"fmt"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Label is the class of a nodule by the usual LIDC protocol: readers' malignancy
// 1-2 is normal, 4-5 an anomaly, 3 is left out. It is opinion, not pathology.
type Label int

// Labels.
const (
	Indeterminate Label = iota // malignancy 3
	Normal                     // 1-2
	Anomaly                    // 4-5
)

// String returns "normal", "anomaly" or "indeterminate".
func (l Label) String() string {
	switch l {
	case Normal:
		return "normal"
	case Anomaly:
		return "anomaly"
	}
	return "indeterminate"
}

// LabelOf maps a malignancy of 1 to 5 to its label.
func LabelOf(malignancy int) Label {
	switch {
	case malignancy >= 4:
		return Anomaly
	case malignancy <= 2:
		return Normal
	}
	return Indeterminate
}

// Dataset is a set of labelled nodules.
type Dataset struct {
	Layout  string // "voi-32mm" or "cubes-51mm"
	Samples []Sample
	digest  string
}

// Digest is the SHA-256 of the file that the data set was read from, as
// "sha256:<hex>". Subsets keep it.
func (d *Dataset) Digest() string { return d.digest }

// Sample is one labelled nodule. Its cube is kept as int16 and bits, 68 KiB, and
// expanded by Cube. Patient and SeriesUID are for splitting and matching and
// belong into no log or message.
type Sample struct {
	Patient         string
	PatientVerified bool // the patient was checked against another source
	Nodule          string
	SeriesUID       string      // empty: unknown
	PositionLPS     dicomio.Vec // zero where HasPosition is false
	HasPosition     bool
	DiameterMM      float64 // of the 51 mm layout: sphere of the mask's volume; 0: unknown
	MaskVolume      float64 // mm³; 0: unknown
	Malignancy      int     // 1 to 5
	Label           Label
	Inside          float64        // share of the cube that has data, 0..1
	Ratings         map[string]int // other ratings by name, such as "spiculation"

	hu     []int16
	inside []uint64 // bit per voxel; nil: all
}

// Cube expands the sample. Voxels without data are InvalidHU and not Valid.
func (s *Sample) Cube() *Cube {
	if len(s.hu) != CubeVoxels {
		panic(fmt.Sprintf("nodule: a sample has %d voxels, want %d; samples come from LoadNPZ", len(s.hu), CubeVoxels))
	}
	c := &Cube{HU: make([]float32, CubeVoxels), Valid: make([]bool, CubeVoxels), PaddingPct: 100 * (1 - s.Inside)}
	for i, v := range s.hu {
		c.HU[i] = InvalidHU
		if s.inside == nil || s.inside[i/64]>>(i%64)&1 == 1 {
			c.HU[i], c.Valid[i] = float32(v), true
		}
	}
	return c
}

// Filter returns the samples that keep accepts, as a data set of the same file.
func (d *Dataset) Filter(keep func(*Sample) bool) *Dataset {
	out := &Dataset{Layout: d.Layout, digest: d.digest}
	for i := range d.Samples {
		if keep(&d.Samples[i]) {
			out.Samples = append(out.Samples, d.Samples[i])
		}
	}
	return out
}

// Verified returns the samples whose patient was checked. Where two data sets
// are used together, unverified patients of one may be patients of the other
// under another name: use only the verified ones then.
func (d *Dataset) Verified() *Dataset {
	return d.Filter(func(s *Sample) bool { return s.PatientVerified })
}
