// Package experiment runs the paper's experiments and tells how they came out.
//
// # Experiments
//
// "mnist" learns the digits 0 to 8 and looks for nines, in 2D; "nodules" learns
// the normal nodules of a labelled set, in 3D. Each goes with four detectors:
//
//	vae        section V-B of the paper with 1/(2 sigma^2) = 1
//	vae-sigma  the same with a learned sigma
//	dcgan      section V-A with the standard loss
//	wgan       section V-A with the Wasserstein loss and its gradient penalty
//
// # A run
//
// A run trains several networks (units): seeds on one fixed split, and for
// nodules the folds of a cross-validation by patient. Its folder holds the
// settings, and per unit the network, its curves and the scores. A unit is done
// when its scores are there; training keeps its state on the way. So a run that
// was interrupted at any point goes on where it stopped, to the same scores,
// tables and figures. A folder takes one selection of settings and one data set.
//
// # Results
//
//	scores.csv.gz  one line per case and network, every value that it is ranked
//	               by; patients are numbers in the order of their identifiers
//	results.json   tables with intervals
//	figures/       charts (SVG) and pictures (PNG)
//	report.html    all of it on one page
//
// Tables and charts are made of the scores alone: Options.Rebuild makes them
// anew without data and without training, also of a folder that keeps no more
// than settings.json, data.txt, the scores of the run and what the first units
// left beside theirs. A list of variants beside the run
// folder grows by every way to score that a run has tried, so that a report can
// say out of how many the best was taken.
//
// # What is kept apart
//
// Networks see normals alone; labels reach the calibration and the tables. The
// test files of MNIST are opened only where Options.Test asks for it, a record
// of that is written before they are, and other settings are refused then.
//
// # Beside gonum
//
// Principal components, products of matrices and factorisations are gonum's: its
// singular values of 9,216 rows of 1,152 features take as long as the eigenvectors
// of their covariances, which stood here before. It has no mixture of Gaussians,
// which is fitted here by expectation-maximisation.
package experiment
