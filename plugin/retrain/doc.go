// Package retrain makes a candidate that may replace the models of a site: of the
// site's own nodules (package dataset) and of the models in use, the incumbent.
//
// # What is made
//
// [Run] writes one folder, whole or not at all: the checkpoints of the detectors,
// rungs.json, the network for outlines as it was, a report, and candidate.json
// ([Candidate]), which names all of them with their digests, what they were
// trained on, with which settings, and which set they come from. Nothing is
// replaced by it.
//
// # Who is learned from
//
// Patients have sides that never change (nodule.SplitByPatient). Networks learn
// from normals of the training side; rates and epochs are chosen on the
// validation side; detectors are calibrated on the calibration side. Rungs learn
// from these three, each score that chooses or calibrates by a model that has not
// seen the patient's group. The test side is not looked at: it is there to compare
// a candidate with the incumbent.
//
// # Interrupted
//
// The state folder holds what is done. The same command goes on from there, to the
// same bytes; another one is refused (CodeState), and so is a second one at the
// same time (CodeLocked).
//
// # Patients
//
// Neither the candidate nor the state names patients, series or nodules: counts and
// digests alone.
package retrain
