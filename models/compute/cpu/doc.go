// Package cpu runs the programs of package compute on the processor.
//
// # Steps
//
// Build turns every step of a program into a function that is bound to its
// memory: buffers are assigned ahead by lifetime, and a run allocates nothing.
// Convolutions are products of packed weights with shifted windows of a
// zero-bordered copy of their input (grid, windows); their weight gradients are
// products over positions (weightTiles). Chains of element-wise operators are
// computed block by block, so that what lies between stays in the first-level
// cache; one that alone reads a convolution's output runs within that step.
//
// # Kernels
//
// The inner loops exist for AVX-512, for AVX2 with FMA, for NEON (arm64), and in
// plain Go for every other machine. Names lists what this machine runs; the fastest is taken
// where the options name none.
//
// # The same input gives the same bits
//
// Work is split over workers so that every output element is computed by the
// same operations in the same order, whatever the number of workers and
// whatever else is in the batch. A patient's score does not depend on the
// neighbours in the queue.
//
// # It does not fail
//
// The processor takes every program, and so stands at the end of a plan's list
// of back ends: List puts it there.
package cpu
