// Package use says what scores are for, in the words that every result, report,
// picture, model, page and help text carries.
package use

// The two sentences of the intended use; pictures set each on a line.
const (
	Purpose = "For research and for review by a radiologist, never for triage or diagnosis."
	Meaning = "A score is a deviation from reference nodules, never a probability of cancer."
)

// Statement is the intended use.
const Statement = Purpose + " " + Meaning

// Label is what fits into an attribute of 64 characters, such as a series
// description.
const Label = "not for diagnosis"
