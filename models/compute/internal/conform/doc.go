// Package conform is the suite that every back end of the engine passes.
//
// # One call
//
// Run holds a back end against the plain operators in float64 (op.Evaluate),
// and against itself where the same input must give the same bits. A back end
// that lowers a new operator passes it before anything runs there.
//
// # What it holds
//
// Cases are all operators in many shapes, RandomGraph makes graphs of shared
// values and dying buffers, Upsampled are convolutions into which an upsampling
// is folded. Compare bounds how far a back end may be from the reference.
package conform
