// Package dicomio reads CT series from folders of DICOM files: which files
// belong to a volume, where its voxels lie in the patient, and what they
// measure.
//
// # Opening
//
// Open finds every CT series below a folder, OpenSeries one of them. Only
// headers are read, and of these only the elements that a volume needs; a
// patient's name never enters memory, and of the number a hash that only this process can
// compare. What cannot be used is refused
// with an Error that has a Code and says what to do; what was tolerated is a
// Warning of the series.
//
// # Geometry
//
// Slices are ordered by the projection of ImagePositionPatient on the normal
// of ImageOrientationPatient, ascending along (row direction) x (column
// direction); file names, InstanceNumber, SliceLocation, SpacingBetweenSlices
// and GantryDetectorTilt are not used. Geometry maps voxel indices, ordered
// z, y, x, to patient coordinates (LPS, mm) and back along the true line of
// the slices, so that a tilted gantry and irregular spacing are exact.
//
// A distance between slices of one and a half times the median or more is a run of
// missing slices. Irregularity is reported above 0.2 mm; origins more than 0.5 mm or
// half a pixel beside the line are refused. Where several images hold the same
// position one is kept.
//
// # Pixels
//
// Series.HU decodes the slices that are asked for, and no others, to
// modality HU with nothing clamped, and marks padding: PixelPaddingValue, and
// the constant that scanners write outside a circular field of view. Read are
// the transfer syntaxes that package codec decodes; others are refused with
// CodeTransferSyntax.
//
// # Frames
//
// A frame of an Enhanced CT or Legacy Converted Enhanced CT is an image like any
// other: what its functional groups say, its own before the shared ones, stands for
// the attributes of a single-frame image, and it is parted, ordered and decoded by
// the same rules. Parts of a concatenation are files of one series. Slice.Frame and
// ImagePoint.Frame name the frame in its file.
//
// # Elsewhere
//
// OpenRemote builds a series of elements that another source than a folder
// gives, such as the metadata of DICOMweb, and fetches images only where HU
// decodes them. Package web is that source for a PACS.
//
// # Checking against pydicom
//
// testdata/pydicom_hu.py prints a digest of every slice's HU as pydicom
// computes them. With Debian's python3-pydicom and a folder of real data
//
//	NODULESCOPE_DATA=/data go test -run Pydicom ./dicomio
//
// compares them slice by slice.
//
// # Untrusted input
//
// Files come from outside. The number of files, their size, the matrix, the
// length of a header value, the number of elements, and what a deflated file may
// inflate to are limited; package codec, which reads them, makes no room for
// what a file only states.
package dicomio
