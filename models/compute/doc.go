// Package compute runs expression graphs built from package op at the speed of
// the machine.
//
// # Plans
//
// Compile turns a graph into a Plan for the shapes it was built with: steps in
// topological order, buffers assigned ahead by lifetime. Inputs are named
// leaves; parameters are bound slices that plans share.
//
// # Reference
//
// The plain evaluation of each operator (op.Operator.Eval64) is the reference
// that every kernel is held against, for every kernel set that the machine
// runs.
//
// # The same input gives the same bits
//
// Work is split over workers so that every output element is computed by the
// same operations in the same order, whatever the number of workers and
// whatever else is in the batch. A patient's score does not depend on the
// neighbours in the queue.
package compute
