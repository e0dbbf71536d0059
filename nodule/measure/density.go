package measure

import "math"

// Type says what a nodule is made of.
type Type string

// Types, in the order of the rules; the first that holds counts. "Core" are the
// mask's voxels whose six neighbours are of the mask too, which have least
// partial volume; HU are means over 3×3×3 voxels of the mask.
const (
	Uncertain   Type = "uncertain"    // fewer than 8 voxels of core with data
	Calcified   Type = "calcified"    // a tenth of the core above 200 HU
	Fat         Type = "fat"          // half the core between -120 and -40 HU
	Solid       Type = "solid"        // four fifths of the core above -300 HU
	PartSolid   Type = "part_solid"   // a twentieth of it
	GroundGlass Type = "ground_glass" // less
)

// Limits of the rules, HU and voxels.
const (
	solidHU   = -300
	calcHU    = 200
	fatLowHU  = -120
	fatHighHU = -40
	minCore   = 8
)

// density sets what follows from HU.
func (g *grid) density(m *Measurements) {
	var sum, squares float64
	n := 0
	for _, i := range g.in {
		if g.valid(i) {
			sum += float64(g.HU[i])
			n++
		} else {
			m.TouchesDataBorder = true
		}
	}
	m.Type = Uncertain
	if n == 0 {
		return
	}
	mean := sum / float64(n)
	m.MeanHU = &mean
	if n > 1 {
		for _, i := range g.in {
			if g.valid(i) {
				squares += sq(float64(g.HU[i]) - mean)
			}
		}
		sd := math.Sqrt(squares / float64(n-1))
		se := sd / math.Sqrt(float64(n))
		m.SDHU, m.MeanUncertaintyHU = &sd, &se
	}
	core := g.eroded(g.mask, false)
	var solid, low, high, inCore, coreSolid, coreCalc, coreFat int
	var coreSum float64
	for _, i := range g.in {
		if !g.valid(i) {
			continue
		}
		hu := g.smooth(i)
		solid += one(hu > solidHU)
		low += one(hu > solidHU+50)
		high += one(hu > solidHU-50)
		if core[i] {
			inCore++
			coreSum += float64(g.HU[i])
			coreSolid += one(hu > solidHU)
			coreCalc += one(hu > calcHU)
			coreFat += one(hu >= fatLowHU && hu <= fatHighHU)
		}
	}
	m.SolidVolumeMM3 = float64(solid) * g.voxel
	m.SolidVolumeUncertaintyMM3 = float64(high-low) * g.voxel / 2
	m.SolidDiameterMM = sphereDiameter(m.SolidVolumeMM3)
	if inCore < minCore {
		return
	}
	coreMean := coreSum / float64(inCore)
	m.ErodedMeanHU = &coreMean
	switch {
	case 10*coreCalc >= inCore:
		m.Type = Calcified
	case 2*coreFat >= inCore:
		m.Type = Fat
	case 5*coreSolid >= 4*inCore:
		m.Type = Solid
	case 20*coreSolid >= inCore:
		m.Type = PartSolid
	default:
		m.Type = GroundGlass
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// smooth is the mean HU over the mask's voxels with data in 3×3×3 around i.
func (g *grid) smooth(i int) float64 {
	sum, n := float64(g.HU[i]), 1.0
	for _, d := range twentysix {
		if j, ok := g.step(i, d); ok && g.mask[j] && g.valid(j) {
			sum += float64(g.HU[j])
			n++
		}
	}
	return sum / n
}
