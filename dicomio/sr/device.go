package sr

import "github.com/nodulescope/nodulescope/dicomio/codec"

// Device is the program that made the scores. Empty fields have defaults.
type Device struct {
	Manufacturer string // default Nodulescope
	Model        string // default Nodulescope
	Serial       string // default 1
	Version      string // default unknown
}

func (v Device) withDefaults() Device {
	orElse(&v.Manufacturer, "Nodulescope")
	orElse(&v.Model, "Nodulescope")
	orElse(&v.Serial, "1")
	orElse(&v.Version, "unknown")
	return v
}

// AddTo writes the modules General Equipment and Enhanced General Equipment
// (PS3.3 C.7.5.1, C.7.5.2).
func (v Device) AddTo(d *codec.Dataset) {
	v = v.withDefaults()
	d.AddText(0x00080070, "LO", v.Manufacturer)
	d.AddText(0x00081090, "LO", v.Model)
	d.AddText(0x00181000, "LO", v.Serial)
	d.AddText(0x00181020, "LO", v.Version)
}

// uid identifies the program and its version, not one copy of it.
func (v Device) uid() string {
	return UID(v.Manufacturer+"\n"+v.Model+"\n"+v.Serial+"\n"+v.Version, "device")
}
