// Package dataset makes a data set of a site's own nodules: of results, of what
// reviewers decided on them, and of the series.
//
// # From decisions to rows
//
// [NewPlan] opens headers only. It takes the newest result of every series, gives
// each patient a pseudonym, joins what is the same nodule in several series of a
// frame of reference, and knows the label of every nodule and why others are left
// out. [Plan.Build] cuts the cubes and outlines the nodules; [Set.Save] writes
//
//	NAME.npz, NAME_masks.npz  what nodule.LoadNPZ reads
//	NAME_nodules.csv          a line per row: decision, measurements, candidate, scanner
//	NAME_card.json, .md       the data card
//
// The same input and key give the same bytes. [Check] tells whether files or input
// have changed since.
//
// # Labels
//
// What a verdict teaches is told by bus.Verdict.Label, and which rating that is by
// one table, [Labels]. The newest decision on a nodule counts; readers who say
// otherwise are kept as ratings of their own and counted as label noise. A nodule
// without a decision is unlabelled: it has the rating 3 and no readers.
//
// # Patients
//
// Names of patients, series, nodules and readers are HMAC-SHA-256 of a [Key] that
// stays at the site. Sides and folds follow from the pseudonym alone, so a patient
// never changes side when data are added. Nothing that names a patient is written,
// logged or part of an error; two patients under one id are left out.
package dataset
