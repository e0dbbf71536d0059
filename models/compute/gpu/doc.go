// Package gpu runs the plans of package compute on a graphics card, through
// OpenCL or through NVIDIA's driver.
//
// # From a program to launches
//
// A program is lowered to launches of the kernels of internal/kernels, each with
// a description in one table of numbers. All tensors of a plan lie in one
// allocation, by lifetime; parameters lie in another, which all plans share that
// are bound to the same slices.
//
// # One submission per run
//
// Everything between the first and the last host copy is recorded once and
// submitted as a whole, the rounds of a loop too. The optimiser's step is part
// of it, and so is the clipping of the gradient.
//
// # The same input gives the same bits
//
// On one device: every sum has an order that depends on the shapes alone, and
// not on the batch where the sum does not run over it.
//
// # When a device fails
//
// A run has a limit. Where it fails or is over, the plan goes on on the next back
// end of its list, most often the processor, with the same inputs; so does every
// other plan of the device. A plan that does not fit into the memory runs there
// from the start.
// A Keeper opens the device afresh, again and again with growing waits; plans
// are compiled anew for the back end that it then gives.
package gpu
