package phantom

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

const (
	ctImageStorage    = "1.2.840.10008.5.1.4.1.1.2"
	implementationUID = "2.25.190268372905166463470437893158245170001"
	what              = "Synthetic phantom, not a patient"
)

// decimals writes numbers as DS, with at most 8 decimal places and 16
// characters each.
func decimals(d *codec.Dataset, tag uint32, values ...float64) {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = strconv.FormatFloat(v, 'f', 8, 64)
		for len(s[i]) > 16 {
			s[i] = s[i][:len(s[i])-1]
		}
		s[i] = trimZeros(s[i])
	}
	d.AddText(tag, "DS", s...)
}

func trimZeros(s string) string {
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// writeSlice writes slice z, whose HU are given, as CT Image Storage (DICOM
// PS3.3 A.3).
func (p *Phantom) writeSlice(w io.Writer, z int, hu []int16) error {
	var d codec.Dataset
	p.general(&d, z)
	p.acquisition(&d)
	p.plane(&d, z)
	p.pixels(&d, hu)
	return codec.Write(w, d, codec.Meta{
		Class: ctImageStorage, Instance: p.SOPInstanceUID(z),
		Implementation: implementationUID, Version: "NODULESCOPE",
	})
}

// general writes SOP Common, General Study, Series and Equipment, Patient
// (PS3.3 C.12.1, C.7.2.1, C.7.3.1, C.7.5.1, C.7.1.1).
func (p *Phantom) general(d *codec.Dataset, z int) {
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if f := p.spec.FollowUp; f != nil {
		day = day.AddDate(0, 0, f.Days)
	}
	date := day.Format("20060102")
	d.AddText(0x00080005, "CS", "ISO_IR 100")                   // character set
	d.AddText(0x00080008, "CS", "ORIGINAL", "PRIMARY", "AXIAL") // image type
	d.AddText(0x00080016, "UI", ctImageStorage)                 // SOP class
	d.AddText(0x00080018, "UI", p.SOPInstanceUID(z))            // SOP instance
	// of study, series, acquisition and content
	for kind := range uint32(4) {
		d.AddText(0x00080020+kind, "DA", date)
		d.AddText(0x00080030+kind, "TM", "120000")
	}
	d.AddText(0x00080050, "SH")                                               // accession number
	d.AddText(0x00080060, "CS", "CT")                                         // modality
	d.AddText(0x00080070, "LO", "Nodulescope")                                // manufacturer
	d.AddText(0x00080090, "PN")                                               // referring physician
	d.AddText(0x00081030, "LO", what)                                         // study description
	d.AddText(0x0008103E, "LO", what)                                         // series description
	d.AddText(0x00081090, "LO", "Phantom")                                    // model name
	d.AddText(0x00100010, "PN", "Phantom^Nodulescope")                        // patient name
	d.AddText(0x00100020, "LO", "PHANTOM-"+hex.EncodeToString(p.patient[:4])) // patient ID
	d.AddText(0x00100030, "DA")                                               // birth date
	d.AddText(0x00100040, "CS")                                               // sex
	d.AddText(0x00100200, "CS", "YES")                                        // quality control subject
}

// acquisition writes General Series and CT Image (C.7.3.1, C.8.2.1).
func (p *Phantom) acquisition(d *codec.Dataset) {
	s := p.spec
	d.AddText(0x00180015, "CS", "CHEST")                                                         // body part
	decimals(d, 0x00180050, s.SpacingMM[0])                                                      // slice thickness
	decimals(d, 0x00180060, 120)                                                                 // kVp
	d.AddText(0x00181000, "LO", "0")                                                             // device serial number
	d.AddText(0x00181020, "LO", "1")                                                             // software versions
	decimals(d, 0x00181100, min(float64(s.Rows)*s.SpacingMM[1], float64(s.Cols)*s.SpacingMM[2])) // reconstruction diameter
	decimals(d, 0x00181120, s.TiltDeg)                                                           // gantry tilt
	d.AddText(0x00181210, "SH", kernels[s.Kernel].name)                                          // convolution kernel
	d.AddText(0x00185100, "CS", "HFS")                                                           // patient position
}

// plane writes Frame of Reference, General Image and Image Plane (C.7.4.1,
// C.7.6.1, C.7.6.2).
func (p *Phantom) plane(d *codec.Dataset, z int) {
	g := &p.geometry
	at := g.ToLPS([3]float64{float64(z), 0, 0})
	row, col := g.ColStep.Scale(1/g.SpacingMM[2]), g.RowStep.Scale(1/g.SpacingMM[1])
	d.AddText(0x0020000D, "UI", p.StudyUID())                               // study instance
	d.AddText(0x0020000E, "UI", p.SeriesUID())                              // series instance
	d.AddText(0x00200010, "SH", "1")                                        // study ID
	d.AddText(0x00200011, "IS", "1")                                        // series number
	d.AddText(0x00200012, "IS", "1")                                        // acquisition number
	d.AddText(0x00200013, "IS", strconv.Itoa(g.Slices-z))                   // instance number: a scanner starts at the head
	decimals(d, 0x00200032, at[:]...)                                       // image position
	decimals(d, 0x00200037, row[0], row[1], row[2], col[0], col[1], col[2]) // image orientation
	d.AddText(0x00200052, "UI", p.FrameOfReferenceUID())                    // frame of reference
	d.AddText(0x00201040, "LO")                                             // position reference
	decimals(d, 0x00201041, at[2])                                          // slice location
	d.AddText(0x00204000, "LT", what)                                       // image comments
}

// pixels writes Image Pixel, Modality LUT and VOI LUT (C.7.6.3, C.11.1,
// C.11.2): signed 16 bits, with a lung and a mediastinum window.
func (p *Phantom) pixels(d *codec.Dataset, hu []int16) {
	s := p.spec
	d.AddUint16(0x00280002, 1)                              // samples per pixel
	d.AddText(0x00280004, "CS", "MONOCHROME2")              // photometric interpretation
	d.AddUint16(0x00280010, s.Rows)                         // rows
	d.AddUint16(0x00280011, s.Cols)                         // columns
	decimals(d, 0x00280030, s.SpacingMM[1], s.SpacingMM[2]) // pixel spacing
	d.AddUint16(0x00280100, 16)                             // bits allocated
	d.AddUint16(0x00280101, 16)                             // bits stored
	d.AddUint16(0x00280102, 15)                             // high bit
	d.AddUint16(0x00280103, 1)                              // pixel representation: signed
	if s.PaddingValue != nil {
		value := binary.LittleEndian.AppendUint16(nil, uint16(*s.PaddingValue))
		d.AddBytes(0x00280120, "SS", value) // padding value; SS, as pixels are signed
	}
	decimals(d, 0x00281050, -600, 40)                  // window centre
	decimals(d, 0x00281051, 1500, 400)                 // window width
	decimals(d, 0x00281052, rescaleIntercept)          // rescale intercept
	decimals(d, 0x00281053, 1)                         // rescale slope
	d.AddText(0x00281054, "LO", "HU")                  // rescale type
	d.AddText(0x00281055, "LO", "LUNG", "MEDIASTINUM") // names of the windows
	d.AddText(0x00282110, "CS", "00")                  // lossy image compression
	raw := make([]byte, 2*len(hu))
	for i, v := range hu {
		binary.LittleEndian.PutUint16(raw[2*i:], uint16(int(v)-rescaleIntercept))
	}
	d.AddBytes(0x7FE00010, "OW", raw)
}
