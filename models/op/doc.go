// Package op holds the operators that every network of this project is built
// from.
//
// # What an operator is
//
// An Operator is a pure function of tensors with three faces: a plain
// reference evaluation (the specification, in float32 and float64), a shape
// rule, and a symbolic derivative that is again a graph of operators of this
// package. Apply lifts an operator into a Gorgonia expression graph, where
// Gorgonia's tape machine runs the reference evaluation.
//
// # Closed under differentiation
//
// Convolution and matrix product are bilinear: the family {forward, data
// gradient, weight gradient} and the family of transposed products are closed
// under SymDiff. Expand and SumTo, Upsample and BlockSum, are adjoint pairs.
// So gradients of gradients, which a gradient penalty needs, come for free.
//
// # Derivatives of a graph
//
// Use Grad of this package, not gorgonia.Grad, which skips every node that an
// earlier call has visited and so loses paths of second derivatives.
//
// # Shapes
//
// Images are [batch, channel, z, y, x] or [batch, channel, y, x]. Every tensor
// has at least one axis: a number is a tensor of shape [1].
package op
