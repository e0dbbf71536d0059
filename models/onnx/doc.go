// Package onnx writes networks as ONNX models, so that a site may run them in
// ONNX Runtime or any other program that reads the format.
//
// # What is exported
//
// Export takes any graph of the operators of package op: a trained network, its
// gradients, a step of a latent search. Bound parameters become initialisers,
// the other leaves inputs. ExportVAE writes encoder and decoder of a checkpoint,
// ExportGAN generator, critic and the step of the latent search.
//
// # Format
//
// IR version 8, opset 17 of the default domain, float32, the shapes that the
// graph was built for. The same graph and weights give the same bytes.
// Metadata names the intended use and the digest of the weights.
//
// # How operators map
//
//	conv        Conv
//	convdata    ConvTranspose; output_padding restores the size of the input
//	convweight  Conv over transposed axes: the batch is summed as channels are,
//	            the stride becomes a dilation
//	matmul      MatMul, or Gemm where an operand is transposed
//	reshape     Reshape
//	expand      Expand, or nothing before an operator that broadcasts
//	sumto       ReduceSum
//	upsample    Resize (nearest, asymmetric, floor: y[p] = x[p/2]), then Slice
//	            where the far end is cropped
//	blocksum    Conv by a kernel of ones with stride 2
//	unary       the operator of that name; LeakyGate is Greater and Where, Fill a
//	            constant
//	binary      Add, Sub, Mul, Div
//	(carry)     Clip, where the loop that runs a graph cuts an output
//
// # Agreement
//
// `make test-onnx` runs every operator, the networks, the training gradients of
// the VAE and the step of a latent search in ONNX Runtime and compares them with
// the plans of package compute, and a whole search with that of models.Searcher.
package onnx
