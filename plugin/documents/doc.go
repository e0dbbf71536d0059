// Package documents makes what goes to a PACS of a result: the structured
// report, the report that a review verifies, and pictures of the scores.
//
// # Kinds
//
// [Segmentation] holds the outlines of the nodules on the pixels of the series.
// [Report] is the structured report (TID 1500, PS3.16) of a result; it is not
// verified. Once every nodule that is on an image has a decision, a verified
// report is made of the same result, and a new version of it after every change
// of mind; each names its predecessor. Heat maps (parametric maps) and captures
// (secondary capture) show where a patch and its reconstruction differ.
//
// # The same bytes
//
// A document is made when it is sent, from the record that review keeps and the
// images, and its UIDs and time follow from the result: made again after a
// crash, it is the same file, and a PACS has it once. Pictures cut and score
// the nodules once more; sampling is seeded, so that they are those of the
// scores in the result.
//
// # Packer
//
// [Packer] is what package outbox asks for the documents of a letter. Patients
// stand in documents alone: they are read from the images each time.
package documents
