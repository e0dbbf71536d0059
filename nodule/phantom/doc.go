// Package phantom makes synthetic chest CT with nodules whose truth is known.
//
// # What it is for
//
// Demonstrations and tests need scans that anyone may have, that never change,
// and whose nodules are known exactly. A phantom is a pure function of its
// [Spec]: the same spec gives the same pixels, UIDs and file names on the same
// kind of machine. It is not a patient, every file says so, and scores on it
// say nothing about a detector's worth.
//
// # Anatomy
//
// A chest is a set of signed distances in patient coordinates (LPS, mm, origin
// in the middle of the scan): skin, fat, muscle, ribs, spine, sternum, shoulder
// blades, lungs with fissures, heart and great vessels, airways, the organs
// below the diaphragm, the table. Vessels and airways are trees that fill the
// lungs. No volume is ever held: a slice is rendered when it is asked for, with
// borders as soft as its pixels and three planes averaged across its thickness
// for what is small. Noise has the spectrum of a soft kernel and is seeded by
// slice, so that slices come out the same in any order.
//
// # Nodules
//
// There are seven kinds, see [Kind]. A nodule's diameter is that of its body,
// without spicules, and its position is the centre of the body. Drawn nodules
// keep 10 mm between each other and 17 mm from the borders of the scan; a third
// touches the pleura, a third a vessel. [Phantom.Mask] and [Phantom.Volume] are
// exact: what a nodule fills of the lung by half or more, as it is rendered.
//
// # Kernels and growth
//
// A scan has one of three kernels. A later scan of the same patient, with nodules
// that have grown or shrunk by a known factor of volume, is a spec with
// [FollowUp].
//
// # Files
//
// [Phantom.WriteDICOM] writes one CT Image Storage file per slice (DICOM PS3.3
// A.3), explicit VR little endian, with file names that are not in scan order,
// and truth.json, which nodule.ReadCandidates reads.
package phantom
