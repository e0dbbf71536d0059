// Package figure draws: for a reviewer, why a nodule has its score; for the
// reader of an experiment, what came out. Everything is drawn from plain data,
// by functions without a state: the same data gives the same bytes.
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
//
// # Charts
//
// A [Chart] is SVG of 700 pixels wide with the unit of each axis, the number of
// nodules in its legend and colours that readers with any of the usual kinds of
// colour vision tell apart:
//
//	Density          scores per class, with a rug
//	ROC              with a band, operating points, rows to compare with
//	PrecisionRecall  with the prevalence
//	Reliability      share of anomalies by probability, with a histogram
//	Scatter          such as score against diameter
//	Lines            such as losses over the steps of a training
//	SearchCurves     losses over the steps of the latent search
//	Dots             AUROC by seed, or by size band
//	Forest           AUROC of every row of a table, columns side by side
//
// Statistics come from the caller (package stats makes them): charts draw the
// values, curves and intervals that they are given, and say how they were made.
//
// gonum/plot draws axes and marks and writes the SVG. Its own legend, its layout
// and its ticks stay unused: a legend there covers data and cannot wrap, and its
// logarithmic ticks label powers of ten alone, of which most scores span one.
//
// # Pictures
//
// A [Picture] is made of tiles, written by [PNG]: [Cases] (input,
// reconstruction and difference of many nodules in three planes, such as the
// best, the median and the worst of a class, see [Extremes]), [Digits] (the same
// for images of 28 by 28), [Samples] of a generator, [Interpolation] between two
// latent vectors and the [Montage] of 25 slices of the paper's figure 3.
//
// # Reports
//
// A [Report] is one HTML page with tables and figures that fetches nothing. It
// says at its top what it is for (package internal/use).
//
// # What is refused
//
// A value that is not a number ([ErrNotFinite]), lists of different lengths or
// images of another size ([ErrShape]) and nothing at all ([ErrEmpty]) are
// errors. A class of one, equal values and a class without nodules are drawn.
package figure
