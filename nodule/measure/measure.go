// Package measure computes what a radiologist would measure of an outlined
// nodule: volume, diameters, density, type, contact and irregularity.
//
// It knows neither DICOM nor candidates: [Measure] takes arrays in the order
// z, y, x along the patient axes, of any size, and the voxel spacing in mm.
// A voxel belongs to the nodule where its probability is at least 0.5; of
// several parts (26-connected) only the largest is measured.
//
// # What is not validated
//
// Types and contact are rules on HU. docs/measurements.md says how far types
// agree with readers. They describe and never diagnose.
package measure

import (
	"math"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Codes of this package.
const (
	CodeMaskEmpty      coded.Code = "mask_empty"      // no voxel reaches 0.5
	CodeMeasureInvalid coded.Code = "measure_invalid" // arrays and shape differ, a spacing or value is no number
)

// maxVoxels bounds the work of one call.
const maxVoxels = 1 << 22

// Cube is what a nodule is measured in.
type Cube struct {
	HU        []float32  // [z,y,x]
	Valid     []bool     // [z,y,x] where the scan has data; nil: everywhere
	Shape     [3]int     // z, y, x
	SpacingMM [3]float64 // z, y, x
}

// Measurements of one nodule. Pointers are nil where there are too few voxels.
type Measurements struct {
	// VolumeMM3 is the number of mask voxels times their volume; for a map of
	// probabilities their sum over the mask and the voxels beside it, which sees
	// partial volume. Its uncertainty is half the spread of the volumes at 0.3
	// and 0.7 (the volume at 0.5 lies between), at least one voxel; for a mask it
	// is the shell of half a voxel around its surface, a bound and no SD.
	VolumeMM3            float64 `json:"volume_mm3"`
	VolumeUncertaintyMM3 float64 `json:"volume_uncertainty_mm3"`

	// DiameterMM is that of the sphere of the same volume; its uncertainty is
	// that of the volume, propagated: d·ΔV/(3V).
	DiameterMM            float64 `json:"diameter_mm"`
	DiameterUncertaintyMM float64 `json:"diameter_uncertainty_mm"`

	// LongAxisMM is the longest distance between two points of the contour of
	// one axial plane, of all planes the longest; ShortAxisMM the longest chord
	// of that contour's convex hull perpendicular to it (Fleischner Society,
	// Bankier 2017, doi:10.1148/radiol.2017162894); MeanAxisMM their mean. The
	// contour crosses between voxel centres where the probability is 0.5.
	LongAxisMM  float64 `json:"long_axis_mm"`
	ShortAxisMM float64 `json:"short_axis_mm"`
	MeanAxisMM  float64 `json:"mean_axis_mm"`
	// LongAxis3DMM is the longest distance between two points of the surface;
	// ShortAxis3DMM the longest extent perpendicular to it.
	LongAxis3DMM  float64 `json:"long_axis_3d_mm"`
	ShortAxis3DMM float64 `json:"short_axis_3d_mm"`
	// AxisUncertaintyMM is a bound for the axes in the plane, half an in-plane voxel
	// at both ends for a mask, a quarter for a map. For a mask the
	// contour is where its mean over 3×3×3 voxels is 0.5.
	AxisUncertaintyMM float64 `json:"axis_uncertainty_mm"`

	// MeanHU and SDHU are of the mask's voxels with data, the uncertainty SD/√n;
	// ErodedMeanHU is of those whose six neighbours are of the mask, from 8 on.
	MeanHU            *float64 `json:"mean_hu"`
	SDHU              *float64 `json:"sd_hu"`
	MeanUncertaintyHU *float64 `json:"mean_uncertainty_hu"`
	ErodedMeanHU      *float64 `json:"eroded_mean_hu"`

	// SolidVolumeMM3 is that of mask voxels above -300 HU after a mean over
	// 3×3×3 voxels of the mask (threshold: Scholten 2015,
	// doi:10.1007/s00330-014-3427-z); the uncertainty half the spread of the
	// volumes at -350 and -250 HU.
	SolidVolumeMM3            float64 `json:"solid_volume_mm3"`
	SolidVolumeUncertaintyMM3 float64 `json:"solid_volume_uncertainty_mm3"`
	SolidDiameterMM           float64 `json:"solid_diameter_mm"`
	Type                      Type    `json:"type"`

	// SurfaceMM2 is by Crofton's formula over 13 directions (Lang, Ohser and Hilfer 2001);
	// Sphericity is the surface of the sphere of the mask's volume divided by it:
	// about 1 for a sphere, less for an irregular surface.
	SurfaceMM2 float64 `json:"surface_mm2"`
	Sphericity float64 `json:"sphericity"`
	// Shares of the surface beside soft tissue above -300 HU two voxels deep:
	// thick and connected to the border of the cube (chest wall), or other
	// (vessel). The first two are shares of 0..1.
	WallContact   float64 `json:"wall_contact_share"`
	VesselContact float64 `json:"vessel_contact_share"`

	TouchesCubeBorder bool `json:"touches_cube_border"`
	TouchesDataBorder bool `json:"touches_data_border"`
}

// Measure measures the nodule that prob [z,y,x] outlines: a mask of 0 and 1, or
// probabilities. Its errors have CodeMaskEmpty or CodeMeasureInvalid.
func Measure(cube Cube, prob []float32) (Measurements, error) {
	g, err := newGrid(cube, prob)
	if err != nil {
		return Measurements{}, err
	}
	var m Measurements
	g.density(&m)
	count := float64(g.n) * g.voxel
	dirs := directions(cube.SpacingMM)
	g.surface(&m, dirs)
	m.Sphericity = math.Pi * math.Pow(sphereDiameter(count), 2) / m.SurfaceMM2
	g.volume(&m, count)
	m.DiameterMM = sphereDiameter(m.VolumeMM3)
	m.DiameterUncertaintyMM = m.DiameterMM * m.VolumeUncertaintyMM3 / (3 * m.VolumeMM3)
	g.axes(&m)
	return m, nil
}

// sphereDiameter is the diameter in mm of the sphere with a volume in mm³.
func sphereDiameter(volume float64) float64 { return math.Cbrt(6 * volume / math.Pi) }
