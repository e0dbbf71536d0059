// Package models holds the networks of the detectors, their training and their
// checkpoints.
//
// # Networks
//
// A network is a Gorgonia expression graph of operators from package op, built
// for one batch size, with parameters as named leaves. VAE is the reference
// network v1, in three dimensions or two.
//
// # Running
//
// Package compute compiles a graph into a plan. Gorgonia's tape machine on the
// plain operators is the reference.
//
// # Training
//
// Train runs Adam over a Samples source with progress, validation and resume.
// Everything random is drawn from a seed, the epoch and the sample, so that an
// interrupted run ends with the same weights as one that was not.
//
// # Checkpoints
//
// Weights are kept as safetensors with a header that names architecture,
// preprocessing, data, seed and metrics, and a digest that a reader verifies.
package models
