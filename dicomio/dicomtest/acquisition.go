package dicomtest

import (
	"encoding/binary"
	"math"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// acquisition writes how frames were acquired and reconstructed, which an original
// Enhanced CT tells (PS3.3 C.8.15.3): of a scan that never was.
func acquisition(d *codec.Dataset, exposure, reconstruction codec.Dataset) {
	numbers := func(to *codec.Dataset, tag uint32, values ...float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		to.AddBytes(tag, "FD", b)
	}
	var kind, details, dynamics, place, geometry, dose, event codec.Dataset
	kind.AddText(0x00189302, "CS", "SPIRAL")
	kind.AddText(0x00189333, "CS", "NO")
	kind.AddText(0x00189334, "CS", "NO")
	details.AddText(0x00180090, "DS", "500")
	details.AddText(0x00181120, "DS", "0")
	details.AddText(0x00181130, "DS", "150")
	details.AddText(0x00181140, "CS", "CW")
	numbers(&details, 0x00189305, 0.5)
	numbers(&details, 0x00189306, 0.6)
	numbers(&details, 0x00189307, 38.4)
	numbers(&dynamics, 0x00189309, 40)
	numbers(&dynamics, 0x00189310, 20)
	numbers(&dynamics, 0x00189311, 1)
	numbers(&place, 0x00189313, 0, 0, 0)
	numbers(&place, 0x00189318, 0, 0, 0)
	numbers(&place, 0x00189327, 0)
	geometry.AddText(0x00181110, "DS", "1000")
	numbers(&geometry, 0x00189335, 500)
	exposure.AddText(0x00181160, "SH", "FLAT")
	exposure.AddText(0x00181190, "DS", "1")
	exposure.AddText(0x00187050, "CS", "ALUMINUM")
	dose.AddText(0x00189323, "CS", "NONE")
	for _, tag := range []uint32{0x00189328, 0x00189330, 0x00189332} {
		numbers(&dose, tag, 100)
	}
	reconstruction.AddText(0x00181100, "DS", "360")
	reconstruction.AddText(0x00189315, "CS", "FILTER_BACK_PROJ")
	reconstruction.AddText(0x00189316, "CS", "LUNG")
	numbers(&reconstruction, 0x00189319, 360)
	reconstruction.AddText(0x00189320, "SH", "NONE")
	numbers(&reconstruction, 0x00189322, 0.7, 0.7)
	event.AddText(0x00083010, "UI", "1.2.826.0.1.3680043.10.9.1.6")
	for tag, item := range map[uint32]codec.Dataset{
		0x00189301: kind, 0x00189304: details, 0x00189308: dynamics, 0x00189312: geometry, 0x00189314: reconstruction,
		0x00189321: dose, 0x00189325: exposure, 0x00189326: place, 0x00189477: event,
	} {
		d.AddSequence(tag, item)
	}
}
