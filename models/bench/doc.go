// Package bench times the reference networks on this machine and counts what
// they need.
//
// # What is timed
//
// Works lists whole pieces of work as a detector does them: a scoring pass of
// the VAE, a step of the latent search, a training step of the VAE and of the
// critic with its gradient penalty. docs/performance.md compares them with
// PyTorch.
//
// # What is counted
//
// FLOPs are those that the work needs: no product with a border, and none of
// those that folding the upsampling into a convolution saves. Peak is the rate
// of fused multiply-adds that the same run reaches in registers.
//
// # How exact it is
//
// Accuracy compares outputs and gradients of the same networks with those of
// PyTorch in float64, beside PyTorch's own in float32. Weights and inputs go to
// its script as NumPy files.
package bench
