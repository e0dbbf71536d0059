package measure

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestRounded(t *testing.T) {
	hu, sd, se := -118.5003, 92.04, 3.0000000001
	m := Measurements{
		VolumeMM3: 213.7, VolumeUncertaintyMM3: 39.2, DiameterMM: 7.4499, DiameterUncertaintyMM: 0.31, LongAxisMM: 0.1 + 0.2,
		ShortAxisMM: 6.25, MeanHU: &hu, SDHU: &sd, MeanUncertaintyHU: &se, Sphericity: 0.876, SolidVolumeMM3: math.Copysign(0, -1),
	}
	r := m.Rounded()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"volume_mm3":214,`, `"volume_uncertainty_mm3":40,`, `"diameter_mm":7.4,`, `"diameter_uncertainty_mm":0.4,`, `"long_axis_mm":0.3,`,
		`"short_axis_mm":6.3,`, `"mean_hu":-119,`, `"sd_hu":92,`, `"mean_uncertainty_hu":3,`, `"eroded_mean_hu":null,`, `"sphericity":0.88,`,
		`"solid_volume_mm3":0,`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if hu != -118.5003 || m.VolumeMM3 != 213.7 {
		t.Error("the measurements themselves were changed")
	}
	if again := r.Rounded(); again.DiameterUncertaintyMM != r.DiameterUncertaintyMM || *again.MeanUncertaintyHU != 3 {
		t.Error("rounded twice, an uncertainty grows")
	}
}
