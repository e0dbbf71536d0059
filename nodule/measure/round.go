package measure

import "math"

// Steps to which measurements are told.
const (
	stepMM    = 0.1
	stepWhole = 1.0 // mm², mm³ and HU
	stepShare = 0.01
)

// Rounded are the measurements as they are told: lengths to 0.1 mm, areas,
// volumes and HU to whole ones, sphericity and shares to 0.01. Uncertainties are
// rounded up: none is told smaller than it is. Machines whose sums differ in the
// last digits tell the same.
func (m Measurements) Rounded() Measurements {
	for _, v := range []*float64{
		&m.DiameterMM, &m.LongAxisMM, &m.ShortAxisMM, &m.MeanAxisMM, &m.LongAxis3DMM, &m.ShortAxis3DMM, &m.SolidDiameterMM,
	} {
		*v = to(*v, stepMM)
	}
	for _, v := range []*float64{&m.VolumeMM3, &m.SolidVolumeMM3, &m.SurfaceMM2} {
		*v = to(*v, stepWhole)
	}
	for _, v := range []*float64{&m.Sphericity, &m.WallContact, &m.VesselContact} {
		*v = to(*v, stepShare)
	}
	for _, v := range []**float64{&m.MeanHU, &m.SDHU, &m.ErodedMeanHU} {
		*v = each(*v, func(x float64) float64 { return to(x, stepWhole) })
	}
	m.DiameterUncertaintyMM, m.AxisUncertaintyMM = upTo(m.DiameterUncertaintyMM, stepMM), upTo(m.AxisUncertaintyMM, stepMM)
	m.VolumeUncertaintyMM3, m.SolidVolumeUncertaintyMM3 = upTo(m.VolumeUncertaintyMM3, stepWhole), upTo(m.SolidVolumeUncertaintyMM3, stepWhole)
	m.MeanUncertaintyHU = each(m.MeanUncertaintyHU, func(x float64) float64 { return upTo(x, stepWhole) })
	return m
}

// each is f of what a pointer holds, behind a pointer of its own.
func each(p *float64, f func(float64) float64) *float64 {
	if p == nil {
		return nil
	}
	v := f(*p)
	return &v
}

// to rounds to a multiple of a step; -0 is 0. It divides by the number of steps
// in one, so that 0.3 is 0.3 and not 0.30000000000000004.
func to(x, step float64) float64 {
	n := math.Round(1 / step)
	return math.Round(x*n)/n + 0
}

// upTo rounds up. What is a multiple but for the last digits stays it.
func upTo(x, step float64) float64 {
	n := math.Round(1 / step)
	return math.Ceil(x*n-1e-6)/n + 0
}
