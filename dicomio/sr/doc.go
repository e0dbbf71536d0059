// Package sr writes results as structured reports and reads the content of
// reports. It knows neither detectors nor transport: plain structs go in, files
// come out, and the other way round.
//
// # Reports
//
// [Report] becomes a Comprehensive 3D SR document of template 1500 (PS3.16):
// a measurement group per nodule with its tracking identifiers, a point on the
// slice that is nearest to it, and for every algorithm the deviation from reference nodules, the percentile, the raw score
// and the operating point, each with name, version, parameters and maker of the
// algorithm. The first of these numbers names the point again, since OHIF looks
// there for the place of a group, and the group's first comment is a short text
// that viewers write beside the nodule. It is COMPLETE, UNVERIFIED and PRELIMINARY. After a review the
// same report with [Review] becomes a second document: VERIFIED and FINAL, with
// the person who decided, a decision for every nodule, and the first document
// as its predecessor.
//
// Patient and study come from an image of the series ([ReadHeader]), so that
// the report is filed with it. Text is UTF-8 (ISO_IR 192).
//
// # Outlines
//
// The group of a nodule is of template 1410, with the point as its image
// region. Where the nodule has an [Outline], a group of template 1411 with the same
// tracking identifiers follows: a segment of a Segmentation object (package derived)
// is its region, and what was measured of the outline its numbers, in units of UCUM
// with the algorithm that measured them. A group has one kind of region, and viewers
// such as OHIF need the point: they show no nodule that has a segment alone.
//
// # Private codes
//
// No standard concept says "deviation from reference nodules": Certainty of
// Finding (111012) would be read as "hardly a nodule" where it is low, and
// Probability of Cancer (111047) is not what is measured. The private codes of
// scheme 99NDSCOPE are identified in the header and defined in the text of
// every report.
//
// # Identity
//
// Every UID follows from the identity of the result and a role ([UID]), and
// every time stamp from the result: the same result gives the same bytes, so
// that storing it twice leaves one document.
//
// # Other objects of a result
//
// Package derived writes segmentations, heat maps and captures. What they share with reports
// stands here: [Header.AddTo] and [Device.AddTo] write the modules of patient,
// study and equipment, [Reference] and [Code.Item] what refers to images and
// concepts, and [Write] the file.
//
// # Reading
//
// [Read] gives the content tree of a report: of a measurement report (template
// 1500) or of Chest CAD SR. What in it is a nodule, package nodule decides. A
// report is recognised as one of this package by its private codes ([IsOwn]).
//
// # Patient data
//
// [Header] holds a patient's identity. Nothing else in the package does, no
// error names a value of a file, and a Header that is printed or logged shows
// nothing.
package sr
