package nodule

import "github.com/nodulescope/nodulescope/internal/coded"

// Code names why a candidate, cube, patch or file was refused.
type Code = coded.Code

// Error says what was refused and what to do about it.
type Error = coded.Error

// CodeOf returns the code of the first error of this package or of dicomio in
// err's tree, and "" where there is none.
func CodeOf(err error) Code { return coded.CodeOf(err) }

// Codes of this package.
const (
	CodeCandidateInvalid     Code = "candidate_invalid"      // not finite, absurd, or without an id
	CodeCandidateOutside     Code = "candidate_outside_scan" // the centre lies outside the volume
	CodeCandidateDuplicate   Code = "candidate_duplicate"    // the same id twice
	CodeTooManyCandidates    Code = "too_many_candidates"
	CodeNoCandidates         Code = "no_candidates"
	CodeCandidateFileInvalid Code = "candidate_file_invalid"
	CodeCandidateElsewhere   Code = "candidate_elsewhere" // it has no place in this series
	CodeGapInNodule          Code = "gap_in_nodule"       // slices are missing where the nodule is
	CodeCubePadding          Code = "cube_padding"        // too much of the cube has no data
	CodeSupportTooSmall      Code = "support_too_small"   // too little of the core has data
	CodeGeometryInvalid      Code = "geometry_invalid"
	CodeDatasetInvalid       Code = "dataset_invalid"
	CodeSplitInvalid         Code = "split_invalid"
)
