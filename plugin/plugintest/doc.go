// Package plugintest has what tests of the service share: a small series, a
// job for it, detectors with untrained weights, a broker that forgets message
// ids, and a process that is killed at a point of its work.
package plugintest
