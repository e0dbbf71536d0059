// Package figure draws what a reviewer needs to see why a nodule has its score:
// its patch in three planes beside the detector's reconstruction and what is
// between the two.
//
// # Panels
//
// A [Panel] has a row for each plane through the centre of the patch and a
// column for each thing to compare:
//
//	           scan   patch   reconstruction   |difference|
//	axial
//	coronal
//	sagittal
//
// The scan is the surroundings as they are, with the outline of the support
// (see nodule.MakePatch); the other columns show the voxels of the support alone,
// for nothing else is scored. Voxels are squares: nothing is smoothed.
//
// # Orientation and scale
//
// Planes are shown as on a workstation: in axial and coronal planes the
// patient's right is on the left, in coronal and sagittal planes the head is
// up. Letters say so: R, L, A, P, H, F. Grey is the window -1000..400 HU of
// the patch; the difference has one scale for all panels, 0..700 HU, so that
// panels can be compared. A bar is 10 mm.
package figure
