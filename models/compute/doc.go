// Package compute runs expression graphs built from package op on the machines
// of packages cpu and gpu.
//
// # Programs
//
// Lower turns a graph into a Program for the shapes it was built with: steps in
// topological order over numbered tensors. Upsampling is fused into
// convolutions, element-wise operators into chains. There is one lowering, so
// that every machine computes the same steps.
//
// # Back ends
//
// A Backend builds a program into an Executable. Convolutions it computes from
// their Window: classes of output positions that read the input through the same
// taps. The suite that each back end passes is conform.Run in internal/conform.
//
// # Plans
//
// Compile lowers a graph and builds it on the first back end of a list that takes
// it; those behind go on where that fails. The processor takes everything and
// stands at the end of the list (cpu.List). Inputs are named leaves; parameters
// are bound slices that plans share.
//
// # Reference
//
// The plain evaluation of each operator in float64 (op.Evaluate) is the reference
// that every back end is held against.
//
// # The same input gives the same bits
//
// On one machine, whatever the number of workers and whatever else is in the
// batch: a patient's score does not depend on the neighbours in the queue. What
// the processor computes is also recorded by digests, which its tests hold.
package compute
