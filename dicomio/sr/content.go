package sr

import (
	"github.com/nodulescope/nodulescope/dicomio"
)

// Relationships between content items (PS3.3 C.17.3.2.4).
const (
	contains     = "CONTAINS"
	hasContext   = "HAS OBS CONTEXT"
	hasModifier  = "HAS CONCEPT MOD"
	hasAcquired  = "HAS ACQ CONTEXT"
	selectedFrom = "SELECTED FROM"
	inferredFrom = "INFERRED FROM"
)

// item starts a content item (PS3.3 table C.17.3-5).
func item(relation, kind string, name code) dataset {
	var d dataset
	if relation != "" {
		d.text(0x0040A010, "CS", relation)
	}
	d.text(0x0040A040, "CS", kind)
	if name.value != "" {
		d.sequence(0x0040A043, name.item())
	}
	return d
}

func container(relation string, name code, template string, children ...dataset) dataset {
	d := item(relation, "CONTAINER", name)
	d.text(0x0040A050, "CS", "SEPARATE")
	if template != "" {
		var t dataset
		t.text(0x00080105, "CS", "DCMR")
		t.text(0x0040DB00, "CS", template)
		d.sequence(0x0040A504, t)
	}
	d.children(children)
	return d
}

func (d *dataset) children(list []dataset) {
	if len(list) > 0 {
		d.sequence(0x0040A730, list...)
	}
}

func textItem(relation string, name code, text string) dataset {
	d := item(relation, "TEXT", name)
	d.text(0x0040A160, "UT", text)
	return d
}

func codeItem(relation string, name, value code, children ...dataset) dataset {
	d := item(relation, "CODE", name)
	d.sequence(0x0040A168, value.item())
	d.children(children)
	return d
}

func uidItem(relation string, name code, uid string) dataset {
	d := item(relation, "UIDREF", name)
	d.text(0x0040A124, "UI", uid)
	return d
}

func personItem(relation string, name code, person string) dataset {
	d := item(relation, "PNAME", name)
	d.text(0x0040A123, "PN", person)
	return d
}

func numberItem(name code, value float64, unit code, children ...dataset) dataset {
	d := item(contains, "NUM", name)
	var measured dataset
	measured.text(0x0040A30A, "DS", decimal(value))
	measured.sequence(0x004008EA, unit.item())
	d.sequence(0x0040A300, measured)
	d.children(children)
	return d
}

// imageItem refers to a slice.
func imageItem(relation string, at dicomio.ImagePoint) dataset {
	d := item(relation, "IMAGE", code{})
	d.sequence(0x00081199, reference(at.SOPClassUID, at.SOPInstanceUID))
	return d
}

// pointItem is a point on a slice (PS3.3 C.18.6).
func pointItem(relation string, name code, at dicomio.ImagePoint) dataset {
	d := item(relation, "SCOORD", name)
	d.floats(0x00700022, "FL", []float32{float32(at.Column), float32(at.Row)})
	d.text(0x00700023, "CS", "POINT")
	d.children([]dataset{imageItem(selectedFrom, at)})
	return d
}

// reference names an instance (PS3.3 table 10-11).
func reference(class, instance string) dataset {
	var d dataset
	d.text(0x00081150, "UI", class)
	d.text(0x00081155, "UI", instance)
	return d
}

// hierarchy names instances of one series (PS3.3 table C.17-3).
func hierarchy(study, series string, instances []dataset) dataset {
	var s dataset
	s.sequence(0x00081199, instances...)
	s.text(0x0020000E, "UI", series)
	var d dataset
	d.sequence(0x00081115, s)
	d.text(0x0020000D, "UI", study)
	return d
}
