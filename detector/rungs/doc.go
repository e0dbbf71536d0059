// Package rungs scores the features of an outlined nodule (package features) by
// three models that need more and more of a reader, the rungs:
//
//   - [NormalsOnly] knows nodules that were rated normal, and in which direction
//     each feature is suspicious;
//   - [Unlabelled] tells them from all other nodules, of which it knows no rating;
//   - [Rated] has learned what readers rated.
//
// # Training
//
// [Train] fits all three on a set of cases, chooses penalties by held-out groups
// of patients, and calibrates on the scores that nodules get from the model that
// has not seen their group. [CrossValidate] does the same inside four folds of the
// plan and scores the fifth. Nothing is drawn but the basis of [Rated] and the
// noise of a simulated diameter, both from a seed: the same cases give the same
// file, to the bit.
//
// # Scoring
//
// [Rungs.Score] gives each rung's raw score, calibrated probability with
// interval, percentile among normals, and what each feature adds. A nodule
// outside the range of the training is named so. A larger one than any is never
// below the normals.
//
// A score is a deviation from nodules rated normal, never a probability of cancer.
package rungs
