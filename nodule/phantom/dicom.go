package phantom

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
	"github.com/suyashkumar/dicom/pkg/uid"
)

const (
	ctImageStorage    = "1.2.840.10008.5.1.4.1.1.2"
	implementationUID = "2.25.190268372905166463470437893158245170001"
	what              = "Synthetic phantom, not a patient"
)

// elements collects the elements of a file and the first error.
type elements struct {
	list []*dicom.Element
	err  error
}

// add takes []string, []int, []byte or PixelDataInfo, as the tag's VR needs.
func (e *elements) add(t tag.Tag, value any) {
	el, err := dicom.NewElement(t, value)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("element %v: %w", t, err)
	}
	e.list = append(e.list, el)
}

func (e *elements) text(t tag.Tag, values ...string) { e.add(t, values) }
func (e *elements) number(t tag.Tag, values ...int)  { e.add(t, values) }

// decimal writes DS, at most 16 characters each.
func (e *elements) decimal(t tag.Tag, values ...float64) {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = strconv.FormatFloat(v, 'f', 8, 64)
		for len(s[i]) > 16 {
			s[i] = s[i][:len(s[i])-1]
		}
		s[i] = trimZeros(s[i])
	}
	e.add(t, s)
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
	var e elements
	e.add(tag.FileMetaInformationVersion, []byte{0, 1})
	e.text(tag.MediaStorageSOPClassUID, ctImageStorage)
	e.text(tag.MediaStorageSOPInstanceUID, p.SOPInstanceUID(z))
	e.text(tag.TransferSyntaxUID, uid.ExplicitVRLittleEndian)
	e.text(tag.ImplementationClassUID, implementationUID)
	e.text(tag.ImplementationVersionName, "NODULESCOPE")
	p.general(&e, z)
	p.acquisition(&e)
	p.plane(&e, z)
	p.pixels(&e, hu)
	if e.err != nil {
		return e.err
	}
	return dicom.Write(w, dicom.Dataset{Elements: e.list})
}

// general writes SOP Common, General Study, Series and Equipment, Patient
// (PS3.3 C.12.1, C.7.2.1, C.7.3.1, C.7.5.1, C.7.1.1).
func (p *Phantom) general(e *elements, z int) {
	const date, time = "20000101", "120000"
	e.text(tag.SpecificCharacterSet, "ISO_IR 100")
	e.text(tag.ImageType, "ORIGINAL", "PRIMARY", "AXIAL")
	e.text(tag.SOPClassUID, ctImageStorage)
	e.text(tag.SOPInstanceUID, p.SOPInstanceUID(z))
	for _, t := range []tag.Tag{tag.StudyDate, tag.SeriesDate, tag.AcquisitionDate, tag.ContentDate} {
		e.text(t, date)
	}
	for _, t := range []tag.Tag{tag.StudyTime, tag.SeriesTime, tag.AcquisitionTime, tag.ContentTime} {
		e.text(t, time)
	}
	e.text(tag.AccessionNumber)
	e.text(tag.Modality, "CT")
	e.text(tag.Manufacturer, "Nodulescope")
	e.text(tag.ReferringPhysicianName)
	e.text(tag.StudyDescription, what)
	e.text(tag.SeriesDescription, what)
	e.text(tag.ManufacturerModelName, "Phantom")
	e.text(tag.PatientName, "Phantom^Nodulescope")
	e.text(tag.PatientID, "PHANTOM-"+hex.EncodeToString(p.digest[:4]))
	e.text(tag.PatientBirthDate)
	e.text(tag.PatientSex)
	e.text(tag.QualityControlSubject, "YES")
}

// acquisition writes General Series and CT Image (C.7.3.1, C.8.2.1).
func (p *Phantom) acquisition(e *elements) {
	s := p.spec
	e.text(tag.BodyPartExamined, "CHEST")
	e.decimal(tag.SliceThickness, s.SpacingMM[0])
	e.decimal(tag.KVP, 120)
	e.text(tag.DeviceSerialNumber, "0")
	e.text(tag.SoftwareVersions, "1")
	e.decimal(tag.ReconstructionDiameter, min(float64(s.Rows)*s.SpacingMM[1], float64(s.Cols)*s.SpacingMM[2]))
	e.decimal(tag.GantryDetectorTilt, s.TiltDeg)
	e.text(tag.ConvolutionKernel, "STANDARD")
	e.text(tag.PatientPosition, "HFS")
}

// plane writes Frame of Reference, General Image and Image Plane (C.7.4.1,
// C.7.6.1, C.7.6.2).
func (p *Phantom) plane(e *elements, z int) {
	g := &p.geometry
	at := g.ToLPS([3]float64{float64(z), 0, 0})
	row, col := scale(g.ColStep, 1/g.SpacingMM[2]), scale(g.RowStep, 1/g.SpacingMM[1])
	e.text(tag.StudyInstanceUID, p.StudyUID())
	e.text(tag.SeriesInstanceUID, p.SeriesUID())
	e.text(tag.StudyID, "1")
	e.text(tag.SeriesNumber, "1")
	e.text(tag.AcquisitionNumber, "1")
	e.text(tag.InstanceNumber, strconv.Itoa(g.Slices-z)) // a scanner starts at the head
	e.decimal(tag.ImagePositionPatient, at[:]...)
	e.decimal(tag.ImageOrientationPatient, row[0], row[1], row[2], col[0], col[1], col[2])
	e.text(tag.FrameOfReferenceUID, p.FrameOfReferenceUID())
	e.text(tag.PositionReferenceIndicator)
	e.decimal(tag.SliceLocation, at[2])
	e.text(tag.ImageComments, what)
}

// pixels writes Image Pixel, Modality LUT and VOI LUT (C.7.6.3, C.11.1,
// C.11.2): signed 16 bits, with a lung and a mediastinum window.
func (p *Phantom) pixels(e *elements, hu []int16) {
	s := p.spec
	e.number(tag.SamplesPerPixel, 1)
	e.text(tag.PhotometricInterpretation, "MONOCHROME2")
	e.number(tag.Rows, s.Rows)
	e.number(tag.Columns, s.Cols)
	e.decimal(tag.PixelSpacing, s.SpacingMM[1], s.SpacingMM[2])
	e.number(tag.BitsAllocated, 16)
	e.number(tag.BitsStored, 16)
	e.number(tag.HighBit, 15)
	e.number(tag.PixelRepresentation, 1)
	if s.PaddingValue != nil {
		e.number(tag.PixelPaddingValue, *s.PaddingValue)
		last := e.list[len(e.list)-1]
		last.RawValueRepresentation = "SS" // as PixelRepresentation is 1
		last.ValueRepresentation = tag.GetVRKind(tag.PixelPaddingValue, "SS")
	}
	e.decimal(tag.WindowCenter, -600, 40)
	e.decimal(tag.WindowWidth, 1500, 400)
	e.decimal(tag.RescaleIntercept, rescaleIntercept)
	e.decimal(tag.RescaleSlope, 1)
	e.text(tag.RescaleType, "HU")
	e.text(tag.WindowCenterWidthExplanation, "LUNG", "MEDIASTINUM")
	e.text(tag.LossyImageCompression, "00")
	raw := make([]byte, 2*len(hu))
	for i, v := range hu {
		binary.LittleEndian.PutUint16(raw[2*i:], uint16(int(v)-rescaleIntercept))
	}
	e.add(tag.PixelData, dicom.PixelDataInfo{IntentionallyUnprocessed: true, UnprocessedValueData: raw})
}
