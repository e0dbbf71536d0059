package sr

import (
	"strconv"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// Relationships between content items (PS3.3 C.17.3.2.4).
const (
	contains      = "CONTAINS"
	hasContext    = "HAS OBS CONTEXT"
	hasModifier   = "HAS CONCEPT MOD"
	hasAcquired   = "HAS ACQ CONTEXT"
	selectedFrom  = "SELECTED FROM"
	inferredFrom  = "INFERRED FROM"
	hasProperties = "HAS PROPERTIES"
)

// item starts a content item (PS3.3 table C.17.3-5).
func item(relation, kind string, name Code) codec.Dataset {
	var d codec.Dataset
	if relation != "" {
		d.AddText(0x0040A010, "CS", relation)
	}
	d.AddText(0x0040A040, "CS", kind)
	if name.Value != "" {
		d.AddSequence(0x0040A043, name.Item())
	}
	return d
}

func container(relation string, name Code, template string, children ...codec.Dataset) codec.Dataset {
	d := item(relation, "CONTAINER", name)
	d.AddText(0x0040A050, "CS", "SEPARATE")
	if template != "" {
		var t codec.Dataset
		t.AddText(0x00080105, "CS", "DCMR")
		t.AddText(0x0040DB00, "CS", template)
		d.AddSequence(0x0040A504, t)
	}
	addChildren(&d, children)
	return d
}

func addChildren(d *codec.Dataset, list []codec.Dataset) {
	if len(list) > 0 {
		d.AddSequence(0x0040A730, list...)
	}
}

func textItem(relation string, name Code, text string) codec.Dataset {
	d := item(relation, "TEXT", name)
	d.AddText(0x0040A160, "UT", text)
	return d
}

func codeItem(relation string, name, value Code, children ...codec.Dataset) codec.Dataset {
	d := item(relation, "CODE", name)
	d.AddSequence(0x0040A168, value.Item())
	addChildren(&d, children)
	return d
}

func uidItem(relation string, name Code, uid string) codec.Dataset {
	d := item(relation, "UIDREF", name)
	d.AddText(0x0040A124, "UI", uid)
	return d
}

func personItem(relation string, name Code, person string) codec.Dataset {
	d := item(relation, "PNAME", name)
	d.AddText(0x0040A123, "PN", person)
	return d
}

func numberItem(relation string, name Code, value float64, unit Code, children ...codec.Dataset) codec.Dataset {
	d := item(relation, "NUM", name)
	var measured codec.Dataset
	measured.AddText(0x0040A30A, "DS", codec.Decimal(value))
	measured.AddSequence(0x004008EA, unit.Item())
	d.AddSequence(0x0040A300, measured)
	addChildren(&d, children)
	return d
}

// imageItem refers to a slice.
func imageItem(relation string, at dicomio.ImagePoint) codec.Dataset {
	d := item(relation, "IMAGE", Code{})
	d.AddSequence(0x00081199, FrameReference(at.SOPClassUID, at.SOPInstanceUID, at.Frame))
	return d
}

// pointItem is a point on a slice (PS3.3 C.18.6).
func pointItem(relation string, name Code, at dicomio.ImagePoint) codec.Dataset {
	d := item(relation, "SCOORD", name)
	d.AddFloat32(0x00700022, "FL", []float32{float32(at.Column), float32(at.Row)})
	d.AddText(0x00700023, "CS", "POINT")
	addChildren(&d, []codec.Dataset{imageItem(selectedFrom, at)})
	return d
}

// Reference names an instance (PS3.3 table 10-11).
func Reference(class, instance string) codec.Dataset {
	var d codec.Dataset
	d.AddText(0x00081150, "UI", class)
	d.AddText(0x00081155, "UI", instance)
	return d
}

// FrameReference names an image: an instance or, where it has frames, one of them,
// counted from 0 (PS3.3 table 10-3).
func FrameReference(class, instance string, frame int) codec.Dataset {
	d := Reference(class, instance)
	if dicomio.MultiFrame(class) {
		d.AddText(0x00081160, "IS", strconv.Itoa(frame+1))
	}
	return d
}

// hierarchy names instances of a study by series (PS3.3 table C.17-3).
func hierarchy(study string, series ...codec.Dataset) codec.Dataset {
	var d codec.Dataset
	d.AddSequence(0x00081115, series...)
	d.AddText(0x0020000D, "UI", study)
	return d
}

// seriesItem names instances of one series.
func seriesItem(series string, instances []codec.Dataset) codec.Dataset {
	var d codec.Dataset
	d.AddSequence(0x00081199, instances...)
	d.AddText(0x0020000E, "UI", series)
	return d
}
