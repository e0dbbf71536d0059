package features

import "math"

// Direction is where a feature is suspicious.
type Direction int

// Directions.
const (
	Either Direction = 0  // not known beforehand
	High   Direction = 1  // the larger, the more suspicious
	Low    Direction = -1 // the smaller, the more suspicious
)

// Group is what a feature describes.
type Group string

// Groups.
const (
	Size    Group = "size"
	Shape   Group = "shape"
	Density Group = "density"
	Margin  Group = "margin"
	Around  Group = "surroundings"
)

// Feature is one number of a nodule. Axes are those of the largest axial section
// but where they are called in space; the sharpness of the border is the gradient
// of density across it; the highest density is that of 3×3×3 voxels.
type Feature struct {
	Name      string // stable: files and results name it
	Unit      string // empty: none
	Group     Group
	Direction Direction
	About     string // what it is, for a reader
}

// Places of the features in a Vector.
const (
	logVolume = iota
	logLongAxis
	logShortAxis
	logLongAxis3D
	logCore
	logSolid
	sphericity
	elongation
	flatness
	filling
	roughness
	meanHU
	coreHU
	sdHU
	coreSD
	p10HU
	p50HU
	p90HU
	maxHU
	solidShare
	calciumShare
	edgeGradient
	edgeGradientSD
	edgeWidth
	rimHU
	rimSD
	lungHU
	lungSD
	lungP25
	softShare
	spikes
	wallContact
	vesselContact
	Count // of features
)

// Vector are the features of a nodule in the order of All.
type Vector [Count]float64

var all = [Count]Feature{
	logVolume:      {"log_volume", "ln mm³", Size, High, "volume"},
	logLongAxis:    {"log_long_axis", "ln mm", Size, High, "long axis"},
	logShortAxis:   {"log_short_axis", "ln mm", Size, High, "short axis"},
	logLongAxis3D:  {"log_long_axis_3d", "ln mm", Size, High, "long axis in space"},
	logCore:        {"log_core", "ln mm", Size, High, "radius of the core"},
	logSolid:       {"log_solid_volume", "ln(1+mm³)", Size, High, "volume of the solid part"},
	sphericity:     {"sphericity", "", Shape, Low, "sphericity"},
	elongation:     {"elongation", "", Shape, Either, "second to first extent"},
	flatness:       {"flatness", "", Shape, Either, "third to first extent"},
	filling:        {"filling", "", Shape, Low, "share of its sphere"},
	roughness:      {"roughness", "", Shape, High, "roughness of the surface"},
	meanHU:         {"mean_hu", "HU", Density, Low, "mean density"},
	coreHU:         {"core_hu", "HU", Density, Low, "mean density inside"},
	sdHU:           {"sd_hu", "HU", Density, Either, "spread of density"},
	coreSD:         {"core_sd", "HU", Density, High, "spread of density inside"},
	p10HU:          {"p10_hu", "HU", Density, Low, "10th percentile of HU"},
	p50HU:          {"p50_hu", "HU", Density, Low, "median density"},
	p90HU:          {"p90_hu", "HU", Density, Low, "90th percentile of HU"},
	maxHU:          {"max_hu", "HU", Density, Low, "highest density"},
	solidShare:     {"solid_share", "", Density, Either, "share of solid volume"},
	calciumShare:   {"calcium_share", "", Density, Low, "share of calcified volume"},
	edgeGradient:   {"edge_gradient", "HU/mm", Margin, Low, "sharpness of the border"},
	edgeGradientSD: {"edge_gradient_sd", "HU/mm", Margin, Either, "variation of the sharpness"},
	edgeWidth:      {"edge_width", "mm", Margin, High, "width of the border"},
	rimHU:          {"rim_hu", "HU", Margin, High, "mean density 1-2 mm outside"},
	rimSD:          {"rim_sd", "HU", Margin, High, "spread of density 1-2 mm outside"},
	lungHU:         {"lung_hu", "HU", Around, Either, "mean density 3-5 mm outside"},
	lungSD:         {"lung_sd", "HU", Around, Either, "spread of density 3-5 mm outside"},
	lungP25:        {"lung_p25", "HU", Around, Either, "lower quartile 3-5 mm outside"},
	softShare:      {"soft_share", "", Around, Either, "soft tissue 3-5 mm outside"},
	spikes:         {"spikes", "", Around, High, "strands that leave the nodule"},
	wallContact:    {"wall_contact", "", Around, Either, "contact with the chest wall"},
	vesselContact:  {"vessel_contact", "", Around, Either, "contact with vessels"},
}

// DiameterMM is that of a sphere of the nodule's volume.
func (v *Vector) DiameterMM() float64 { return math.Cbrt(6 * math.Exp(v[logVolume]) / math.Pi) }

// All are the features in the order of a Vector.
func All() []Feature { return all[:] }
