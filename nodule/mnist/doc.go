// Package mnist reads the handwritten digits that the paper's 2D experiments
// use, and draws from them the sets of its protocol.
//
// # Files
//
// A folder holds four files in IDX format, each plain or gzipped, with either
// usual spelling of its name:
//
//	train-images-idx3-ubyte  train-images.idx3-ubyte   60,000 images of 28 x 28
//	train-labels-idx1-ubyte  train-labels.idx1-ubyte   their digits
//	t10k-images-idx3-ubyte   t10k-images.idx3-ubyte    10,000 images of other writers
//	t10k-labels-idx1-ubyte   t10k-labels.idx1-ubyte    their digits
//
// What they unpack to is checked against SHA-256 sums in this package, so that
// figures of two machines are about the same images. `make data-mnist` gets the
// files; they never enter the repository.
//
// # Protocol
//
// Digits 0 to 8 are normal, 9 is the anomaly (section VI-A of the paper).
// Three sets are drawn with a fixed seed:
//
//	Training  9,216 normals, 1,024 of each digit, from the training files
//	Choice      450 normals, 50 of each, and 450 nines, from the training files
//	Test        450 normals, 50 of each, and 450 nines, from the test files
//
// No image stands in two of them. Whatever is chosen (a network, a score, a
// number of epochs) is chosen on Choice. Only Source.Test opens the test files.
package mnist
