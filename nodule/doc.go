// Package nodule turns places in a CT series into what a network sees.
//
// # From candidate to patch
//
// A [Candidate] is a point in patient coordinates (LPS, mm) with an optional
// diameter. A [Cutter] resamples a [Cube] of 32 mm around it: 32 voxels of 1 mm
// along the patient axes, whatever the tilt and orientation of the scan, by
// trilinear interpolation along the true line of the slices. A cube remembers
// which of its voxels the scan really covers. [MakePatch] takes 28³ voxels of a
// cube, normalises HU to 0..1 and decides which voxels count.
//
//	series, err := dicomio.OpenSeries(ctx, dir, uid, dicomio.Options{})
//	file, err := nodule.OpenCandidates(ctx, path)
//	candidates, skipped, err := file.In(series)
//	cutter, err := nodule.NewCutter(series.Geometry, series, nodule.CutOptions{})
//	results, err := cutter.CutAll(ctx, candidates)
//	patch := nodule.Central(results[0].Cube)
//
// # Files of candidates
//
// [ReadCandidates] reads JSON, LUNA16 tables, contours of LIDC and structured
// reports, for commands and watchers alike. What it returns tells which series
// the file names, so that it can be kept until that has come; In places the
// candidates in a series and says what was left out, and why.
//
// # Axes and units
//
// Arrays are ordered z, y, x. In a cube z grows towards the head, y towards the
// back and x to the patient's left (LPS), so that a cube looks the same however
// the patient was scanned. Points are x, y, z in mm. Intensities are modality HU
// until MakePatch normalises them.
//
// # Support
//
// One rule decides which voxels of a patch count, for training and for serving
// alike: all with data, whatever the diameter. On chest CT the size of a nodule
// nearly is its label, so a support that followed the size would tell a network
// the answer by its shape alone. [Patch.SupportCount] counts them, and the score
// per voxel takes the count out.
//
// Some data sets hold voxels only within a nodule's own extent. Detectors that
// were trained on such count a core alone that is the same for every nodule, 6 mm
// high and 24 mm across around the centre of the patch, less the voxels without
// data ([Patch.Core], [CoreVersion]); so do the rows of an evaluation that need no
// model.
//
// # Data sets
//
// [LoadNPZ] reads labelled nodules from the two npz layouts that it documents,
// and [Dataset.LoadMasks] their outlines.
// [SplitByPatient] puts all nodules of a patient on one side. [Augment] draws a
// training patch from a cube.
//
// # Errors
//
// Every refusal is an [*Error] with a [Code] that never changes; [CodeOf] finds
// it, also that of dicomio. Messages hold indices,
// counts and units, never text that may identify a patient.
package nodule
