// Package gate compares a candidate with the incumbent, the models that score now,
// and says whether it may take their place.
//
// # On what
//
// On the test side of the site's data set, whose patients neither was trained,
// chosen nor calibrated on; and on references that the site's labels cannot move:
// phantoms that the program makes ([Phantoms]), whose truth is known exactly, and data
// sets that the site names. Labels that are wrong on all sides make a wrong candidate
// look good on the first and not on the others.
//
// # By what
//
// Every score that both have: each detector's, and each rung's; one that takes a
// diameter is given the nodule's own, where it has one. They are ranked by what a reader sees, the calibrated value, so that a
// calibration that turns a score around is seen too ([Row]). All figures are paired:
// the same nodules, with intervals of a bootstrap by patient.
//
// # The rule
//
// A candidate is allowed where, for every score on every side, the lower bound of the
// change in AUROC is above -[Margin], and flags do not clearly tell less than before.
// Where the test side has fewer than [MinEach] normals or anomalies nothing can be said of a
// change, so only a recalibration is allowed: the weights are the same, and so is every
// ranking. A test side without a nodule that can be scored, or a reference with fewer,
// allows nothing.
// Size-matched AUROC, calibration, a candidate moved by 2 mm and speed are told and
// decide nothing.
package gate
