// Package kernel holds the inner loops of the compute engine, in assembly for
// AVX-512, for AVX2 with FMA and for NEON (arm64), and in plain Go for every
// other machine.
//
// # Loops
//
// A Tile computes a small block of a matrix product whose right factor is read
// through a table of offsets, so that a convolution reads its shifted windows
// where they lie. The plain loop stands as the comment of every kernel in
// assembly (stubs_amd64.go, stubs_arm64.go) and is its specification; the kernels
// in Go are that loop, for every other machine.
//
// # Choice
//
// Best returns the fastest set that the processor runs; Sets lists all that it
// runs, so that tests can force each through one suite. The results of two
// sets may differ by rounding; those of one set never differ. NEON does what AVX2
// does, in its order, and gives its bits. It ran under emulation only: nothing is
// known of its speed.
package kernel
