// Package outline finds where the nodule at a point ends.
//
// A network (models.UNet) sees a cube as nodule.Whole gives it and the mark of
// the candidate in its middle, and gives every voxel a probability to be the
// nodule's. It needs no diameter, and takes none: a wrong one would mislead it.
// [Outliner] runs it and keeps the part that belongs to the candidate.
//
// [CrossValidate] trains it on all folds but one of the plan of package nodule
// and compares it with the readers' masks on that one, beside [Threshold], the
// outline that needs no training.
//
// Arrays are [32,32,32], z, y, x, voxels of 1 mm.
package outline
