// Package evaluation makes tables of the scores of labelled nodules.
package evaluation
