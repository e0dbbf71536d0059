package bus

import (
	"testing"

	"github.com/nodulescope/nodulescope/nodule/measure"
)

func TestOutlineText(t *testing.T) {
	hu := -118.0
	for want, o := range map[string]Outline{
		"no nodule found here":   {Codes: []string{"nodule_not_found"}},
		"outlined, not measured": {Found: true},
		"7.4 +- 0.4 mm, 8.1 x 6.4 mm, 214 +- 40 mm3, -118 HU, part-solid, outline_cut": {Found: true, Codes: []string{"outline_cut"}, Measurements: &measure.Measurements{
			DiameterMM: 7.4, DiameterUncertaintyMM: 0.4, LongAxisMM: 8.1, ShortAxisMM: 6.4, VolumeMM3: 214, VolumeUncertaintyMM3: 40, MeanHU: &hu, Type: measure.PartSolid,
		}},
	} {
		if got := o.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
