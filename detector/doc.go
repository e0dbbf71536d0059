// Package detector turns trained networks into anomaly detectors: it scores
// patches, calibrates the scores, and trains on a labelled set.
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
// Detectors are safe for concurrent use. Patches of concurrent callers are
// computed in one batch: whatever waits when a batch ends goes into the next one,
// and every score is what it would be alone. Place has detectors compute on a
// graphics card; Score.Machine tells what did.
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
// # Packages inside
//
//	stats       statistics of scores and labels: ROC, DeLong, bootstrap, calibration
//	evaluation  tables of labelled nodules, beside model-free baselines
//	experiment  the paper's experiments, from training to a report
//	figure      charts, pictures and reports of what it is given
//
// stats is imported by evaluation and evaluation by experiment; figure imports
// none of them.
package detector
