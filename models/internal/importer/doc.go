// Package importer reads weights that PyTorch trained, so that the tests can
// hold the networks against those of PyTorch. No command uses it.
//
// # PyTorch
//
// ImportTorch reads the state_dict of a reference VAE from a safetensors file:
//
//	from safetensors.torch import save_file
//	save_file(vae.state_dict(), "vae.safetensors")
//
// # Names
//
// The module has an encoder e (Sequential: convolution, LeakyReLU 0.2, three
// times, then Flatten), heads mu and lv, and a generator g with f, c1, c2, c3.
// d is 2 or 3, the dimensions; Z the latent size, F = 128*4^d; k is d times 3.
//
//	PyTorch               shape          here                    shape
//	e.0.weight            [32,1,k]       encoder.conv1.weight    the same
//	e.2.weight            [64,32,k]      encoder.conv2.weight    the same
//	e.4.weight            [128,64,k]     encoder.conv3.weight    the same
//	mu.weight             [Z,F]          encoder.mean.weight     [F,Z], transposed
//	lv.weight             [Z,F]          encoder.logvar.weight   [F,Z], transposed
//	g.f.weight            [F,Z]          decoder.linear.weight   [Z,F], transposed
//	g.c1.weight           [64,128,k]     decoder.conv1.weight    the same
//	g.c2.weight           [32,64,k]      decoder.conv2.weight    the same
//	g.c3.weight           [1,32,k]       decoder.conv3.weight    the same
//	NAME.bias             [out]          NAME.bias               the same
//
// Both flatten feature maps in the order channel, z, y, x. Upsampling is
// F.interpolate(scale_factor=2) in its mode "nearest", cropped at the far end
// to 7 after the first.
//
// # Precision
//
// Tensors may be F32, F16 or BF16; the last two are widened without loss. A
// value that is not finite is refused.
package importer
