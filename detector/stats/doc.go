// Package stats holds the statistics of cases that have a score and a label.
// It knows no nodules, networks or files: numbers, labels and names of patients
// go in, figures with 95 % intervals come out. A larger score counts as more
// anomalous everywhere.
//
// # Ranking
//
// DeLong is the area under the ROC curve with its interval, CompareAUROC the
// difference of two of the same cases, Precision the average precision. ROC,
// ROCBand and PrecisionRecall are the curves. SizeMatched, SizeRegressed and
// SizeBands say what a score knows beyond the size of a nodule. AverageAUROC is
// the mean of several networks, with an interval over cases and networks.
//
// # Probabilities and thresholds
//
// FitLogistic makes a probability of a score. Brier, Reliability and
// FitCalibration say how far probabilities hold on other cases, and Youden,
// AtSensitivity, Wilson and Operate choose a threshold and say what it does.
//
// # Intervals
//
// Nodules of one patient are not independent. Intervals by bootstrap therefore
// draw patients with replacement, with all their nodules, and take the 2.5th and
// the 97.5th percentile. Seeds are fixed: the same scores give the same interval,
// in whatever order they come.
//
// # Quantiles
//
// There is one definition: the inverse of the empirical distribution, number 1 of
// Hyndman and Fan (Sample quantiles in statistical packages, 1996), stat.Empirical
// of gonum. A quantile is always one of the values; the median of an even number
// of them is the lower of the middle two.
//
// # Beside gonum
//
// Curves, quantiles, moments and distributions are gonum's. It has no variance
// of an area (DeLong), no bootstrap by patient, no logistic regression and no
// ranks with ties: those are here.
package stats
