// Package conform is the suite that every back end of the engine passes.
//
// # What it holds
//
// Cases are all operators in many shapes, RandomGraph makes graphs of shared
// values and dying buffers, Upsampled are convolutions into which an upsampling
// is folded. Reference evaluates any graph with the plain operators in float64,
// and Compare bounds how far a back end may be from it.
package conform
