// Package detectortest holds what tests of several packages of detector need: a small
// labelled data set in the 32 mm layout, patches of noise, and twenty nodules with
// statistics that other programs computed.
package detectortest
