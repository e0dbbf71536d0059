// Package derived writes images that are made of a result: segmentations, heat
// maps and captures. Package sr writes what is told in words and numbers.
//
// # Segmentations
//
// [Segmentation] holds the outlines of nodules, as pixels of the slices that they
// were made of, one segment per nodule with the tracking identifiers of its
// report. [NewSegmentation] takes them as masks on any grid along the patient's
// axes, and [Segmentation.Segment] is what a report needs to refer to one.
//
// # Heat maps
//
// [HeatMap] is a parametric map of 32-bit floating point in the frame of
// reference of the series, one stack of axial frames per patch. It names the
// slices that it was made of.
//
// # Captures
//
// [Capture] is a picture for viewers that read neither reports nor heat maps:
// a secondary capture in colour.
//
// # Identity
//
// An [Object] is filed with the series: patient and study come from its
// [sr.Header]. Every UID follows from the identity of the result, the kind and
// the number of the object, and every time stamp from the result: the same
// object gives the same bytes, so that storing it twice leaves one.
//
// # Errors
//
// They are a [dicomio.Error] with a code of package sr, and name no value of a
// patient.
package derived
