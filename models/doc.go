// Package models holds the networks of the detectors, their training and their
// checkpoints.
//
// # Networks
//
// A network is a Gorgonia expression graph of operators from package op, built
// for one batch size, with parameters as named leaves. VAE and GAN are the
// reference networks v1, in three dimensions or two. GAN with Norm is a DCGAN
// of the same layers; its batch normalisation uses the moments of the batch in
// training, and population statistics that Fold writes into the weights for
// everything after.
//
// # Running
//
// Package compute compiles a graph into a plan. Gorgonia's tape machine on the
// plain operators is the reference.
//
// # Training
//
// TrainVAE and TrainGAN run Adam over a Samples source, which holds no labels,
// with progress and resume. Everything random is drawn from a seed, the step
// and the sample, so that an interrupted run ends with the same weights as one
// that was not, to the bit. A voxel that is no number ends a training with the
// number of its sample.
//
// # After training
//
// Scorer evaluates the bound of a VAE, Searcher maps patches back to latents of
// a GAN (equations 13 to 15), Generator samples and interpolates, and Diversity
// measures mode collapse. What comes out for a patch depends on the patch, its
// support and its seed, not on the patches beside it nor on the number of
// workers.
//
// # Checkpoints
//
// Weights are kept as safetensors with a header that names architecture,
// preprocessing, data, seed and metrics, and a digest that a reader verifies.
// Both networks of a GAN and its statistics lie in one file.
package models
