package nodule

import (
	"fmt"
	"math"
	"strings"

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
	// Layout is "full-32mm", "voi-32mm" or "cubes-51mm". The first two have the
	// same arrays but for the number of readers, which "full-32mm" has.
	Layout  string
	Samples []Sample
	digest  string
	readers bool     // Sample.Readers is known
	unused  []string // files of the archives that were not read
}

// Digest is the SHA-256 of the file that the data set was read from, as
// "sha256:<hex>". Subsets keep it.
func (d *Dataset) Digest() string { return d.digest }

// maxNamed bounds the names in a note.
const maxNamed = 12

// Notes says what a reader of figures of this data set must know: what its files
// hold that is not used. Empty: nothing.
func (d *Dataset) Notes() []string {
	if len(d.unused) == 0 {
		return nil
	}
	var names []string
	for _, file := range d.unused[:min(len(d.unused), maxNamed)] {
		names = append(names, fmt.Sprintf("%.64q", strings.TrimSuffix(file, ".npy")))
	}
	if more := len(d.unused) - maxNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return []string{"The data set holds what is not used: " + strings.Join(names, ", ") + "."}
}

// Sample is one labelled nodule. Its cube is kept as int16 and bits, 72 KiB with
// a mask, and expanded by Cube. Patient and SeriesUID are for splitting and matching and
// belong into no log or message.
type Sample struct {
	Patient         string
	PatientVerified bool // the patient was checked against another source
	Nodule          string
	SeriesUID       string      // empty: unknown
	PositionLPS     dicomio.Vec // zero where HasPosition is false
	HasPosition     bool
	DiameterMM      float64 // 0: unknown
	DiameterOfMask  bool    // the file gives no diameter: DiameterMM is MaskDiameterMM
	MaskVolume      float64 // mm³; 0: unknown
	Malignancy      int     // 1 to 5
	Label           Label
	Inside          float64        // share of the cube that has data, 0..1
	Readers         int            // how many readers rated it; 0: none, or unknown
	Unrated         bool           // no reader rated it, says the data set: Malignancy is 3 and says nothing
	Ratings         map[string]int // other ratings by name, such as "spiculation" and "rating_1"

	hu     []int16
	inside []uint64 // bit per voxel; nil: all
	mask   []uint64 // bit per voxel; nil: unknown
}

// MaskDiameterMM is the diameter of the sphere with the mask's volume; 0: unknown.
func (s *Sample) MaskDiameterMM() float64 { return sphereDiameter(s.MaskVolume) }

// sphereDiameter is the diameter in mm of the sphere with a volume in mm³.
func sphereDiameter(volume float64) float64 { return math.Cbrt(6 * volume / math.Pi) }

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
	out := d.none()
	for i := range d.Samples {
		if keep(&d.Samples[i]) {
			out.Samples = append(out.Samples, d.Samples[i])
		}
	}
	return out
}

// none is the data set without samples.
func (d *Dataset) none() *Dataset {
	out := *d
	out.Samples = nil
	return &out
}

// MinReaders returns the samples that at least n readers rated; 0 keeps all. It
// refuses a data set that does not say how many did, and one in which nothing is
// left, with CodeDatasetInvalid.
func (d *Dataset) MinReaders(n int) (*Dataset, error) {
	if n <= 0 {
		return d, nil
	}
	refuse := func(why string) (*Dataset, error) {
		return nil, &Error{Code: CodeDatasetInvalid, Op: "choose nodules by their readers", Hint: why}
	}
	if !d.readers {
		return refuse("the data set has no array readers [n] that says how many rated each nodule")
	}
	out := d.Filter(func(s *Sample) bool { return s.Readers >= n })
	if len(out.Samples) == 0 {
		return refuse(fmt.Sprintf("none of %d nodules has %d readers", len(d.Samples), n))
	}
	return out, nil
}

// Verified returns the samples whose patient was checked. Where two data sets
// are used together, unverified patients of one may be patients of the other
// under another name: use only the verified ones then.
func (d *Dataset) Verified() *Dataset {
	return d.Filter(func(s *Sample) bool { return s.PatientVerified })
}
