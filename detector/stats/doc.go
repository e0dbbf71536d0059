// Package stats holds the statistics of labelled scores.
package stats
