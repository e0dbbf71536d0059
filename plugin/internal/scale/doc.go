// Package scale measures the whole service, as it is shipped, under many jobs. It has
// only benchmarks: `make scale` builds what they run and lists their figures.
package scale
