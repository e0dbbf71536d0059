// Package pictures keeps what reviewers look at beside a score: the patch, what a
// detector reconstructs, the outline. All of it can be computed again, so it is
// kept only while there is room: a reader does not wait for it.
//
// # Files
//
// One zip file per result, ID.zip, written while the result is made. Its entries
// NUMBER/NAME hold float32 values, little-endian, in the order z, y, x; NUMBER
// counts findings from 1. A file holds voxels of a patient's lung and no name.
// The oldest files go where all together pass the limit, and the others with
// their results.
package pictures
