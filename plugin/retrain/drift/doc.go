// Package drift tells whether what a service sees has moved away from what its models
// learned from.
//
// # What is kept
//
// A [Record] for every new result: scanner (manufacturer), kernel, slice thickness and
// spacing of the series, and the medians of its nodules' diameter, volume, mean HU, scores,
// and the noise of the lung around them ([Noise]). No patient, no UID, no time finer than the day. They are in models/drift of the
// data folder ([Log]).
//
// # What it is compared with
//
// The [Reference] that a training leaves with its models: the same of every series of its
// data set. For what that does not tell, such as scores, and for models without one, the
// first [Baseline] series that the version has scored.
//
// # When it alarms
//
// A series counts once: its nodules share scanner and kernel, and would count as more than
// they are. The last 28 days are the window. With at least [MinWindow] series there, and
// [MinReference] in the reference, a value alarms where the change is both
//
//   - large: the distance of Kolmogorov and Smirnov (numbers), or the population
//     stability index (names), is 0.25 or more, and
//   - no chance: p, of the two-sample test of Kolmogorov and Smirnov or the chi-squared test of
//     homogeneity, is below 0.01 after Holm's correction for all values that are looked at.
//
// So about one look in a hundred at a site that has not changed alarms; in repeated
// draws it were 0.1 to 1.5 of 100.
package drift
