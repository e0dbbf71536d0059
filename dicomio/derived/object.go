package derived

import (
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// Object is what segmentations, heat maps and captures have in common. Identity, Time and
// Header are needed. The same object gives the same bytes.
type Object struct {
	Identity string // of the result; UIDs follow from it and from Number
	Time     time.Time
	Header   sr.Header // of the series that was scored
	Device   sr.Device

	Number       int    // InstanceNumber, from 1: which of its kind; default 1
	SeriesNumber int    // default 9002 for heat maps, 9003 for captures, 9004 for segmentations
	SeriesText   string // SeriesDescription; default names the kind
	Creator      string // person who drew, in DICOM's form, of segmentations; empty: none
}

func (o Object) check(op string) error {
	if err := o.Header.Check(op); err != nil {
		return err
	}
	if o.Identity == "" || o.Time.Year() < 1900 || o.Time.Year() > 9999 || o.Number < 0 {
		return invalid(op, "the identity or the time of the result is missing, or the number is negative")
	}
	return nil
}

// sopInstanceUID is that of one object of a kind.
func (o Object) sopInstanceUID(kind string) string {
	return sr.UID(o.Identity, fmt.Sprintf("%s %d", kind, max(o.Number, 1)))
}

// seriesUID is that of the series which holds all objects of a kind.
func (o Object) seriesUID(kind string) string { return sr.UID(o.Identity, "series of "+kind+"s") }

// modules writes patient, study, series, equipment and SOP common.
func (o Object) modules(d *codec.Dataset, kind, class, modality string, number int, text string) {
	if o.SeriesNumber != 0 {
		number = o.SeriesNumber
	}
	if codec.Clean("LO", o.SeriesText) != "" {
		text = o.SeriesText
	}
	at := o.Header.InZone(o.Time)
	o.Header.AddTo(d)
	o.Device.AddTo(d)
	d.AddText(0x00080016, "UI", class)
	d.AddText(0x00080018, "UI", o.sopInstanceUID(kind))
	d.AddText(0x00080023, "DA", at.Format("20060102"))
	d.AddText(0x00080033, "TM", at.Format("150405"))
	d.AddText(0x00080060, "CS", modality)
	d.AddText(0x0008103E, "LO", text)
	d.AddText(0x0020000E, "UI", o.seriesUID(kind))
	d.AddText(0x00200011, "IS", fmt.Sprint(number))
	d.AddText(0x00200013, "IS", fmt.Sprint(max(o.Number, 1)))
}

func invalid(op, hint string) error {
	return &dicomio.Error{Code: sr.CodeReportInvalid, Op: op, Hint: hint}
}
