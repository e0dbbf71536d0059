// Package evaluation makes tables of labelled nodules: how well a detector ranks
// them, and whether it is worth more than what needs no model.
//
// # From nodules to a table
//
// Evaluate scores a data set with several detectors and makes an Evaluation, whose
// rows are each detector's score, its terms, and the model-free baselines: diameter,
// mask, intensity, distance to the mean normal patch and to its nearest. A detector
// that does not beat these baselines adds nothing to them; one that is at chance
// among nodules of one size only measures size. docs/evaluation.md says what every
// figure means.
//
// # Scores in files
//
// WriteCSV writes a line for every nodule, with every value that it is ranked by.
// ReadCSV reads it back bit by bit, and Tabulate makes the same table of it, without
// the detector. What is too long or no such file is refused.
//
// # Several trainings
//
// BySeed and ByFold make a table per seed or fold, and say how far they lie apart.
// PoolFolds puts the scores of all folds on one scale, so that one table can be made
// of every nodule.
//
// # Order of packages
//
// Statistics are those of package stats. Nothing here draws.
package evaluation
