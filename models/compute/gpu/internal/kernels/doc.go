// Package kernels holds the programs that run on a graphics card.
//
// # One source
//
// The kernels are OpenCL C. An OpenCL driver compiles Source at run time; for
// CUDA, PTX was compiled from the same text ahead, with Debian's clang-19 and
// libclc-19 (make ptx), so that neither needs a toolkit.
//
// # One signature
//
// Every kernel takes the plan's memory, the parameters, a table of numbers and
// where in it the description of its work begins. The heads of the kernels say
// what the descriptions hold.
//
// # Tiles
//
// The products of convolutions, of their weight gradients and of matrices are
// one tiled product that differs in how it reads its factors. It is compiled in
// the sizes of Tiles.
//
// # Precision
//
// A Precision is a program of its own with the same kernels: what a work item
// holds and multiplies is sums.cl in float32, and tensor.cl with tensor cores.
package kernels
