// Package detector turns trained networks into anomaly detectors: scores,
// calibrated probabilities and their evaluation.
//
// # VAE-AD
//
// VAEAD scores a patch by the reconstruction term of the evidence lower bound
// (section V-B of the paper, equation 16 with 1/(2 sigma^2) = 1), estimated with
// L samples of the posterior, over the voxels of the support. The larger, the
// further from the normal nodules that it was trained on.
//
// # GAN-AD
//
// GANAD searches the latent space of a generative adversarial network for the
// image nearest to a patch (section V-A, equations 13 to 15) and scores the loss
// that is left, per voxel of the support. A search takes a hundred steps of
// generator and critic: seconds where VAE-AD takes a fraction of one.
//
// # Concurrent callers and devices
//
// Detectors are safe for concurrent use: what waits while one computes is
// computed together, and every score is what it would be alone. Place has them
// compute on a graphics card; Score.Machine tells what did.
//
// # Files
//
// A detector is one file: weights, calibration, how patches are prepared, and
// for GAN-AD how its search is done. Its digest names all of that. Load reads
// either kind, PretrainedAll those in the binary.
//
// # From score to probability
//
// A logistic regression on that one score is fitted on patients of its own, at
// the prevalence that they have. Where too few are left, the detector says
// "uncalibrated" and gives the percentile among reference normals alone.
//
// # What a score is not
//
// A score is a deviation from reference nodules, never a probability of cancer.
//
// # Figures
//
// Evaluate scores a data set with several detectors and sets them beside rows
// that need no model: diameter, mask, intensity, distance to the mean normal
// patch and to its nearest. A detector that does not beat these baselines only measures size. Tabulate makes
// the same table of scores that a CSV holds (WriteCSV, ReadCSV), BySeed and
// ByFold one per training. docs/evaluation.md says what every figure means.
package detector
