// Package j2k decodes images of one component in JPEG 2000 (ITU-T T.800) and
// High-Throughput JPEG 2000 (T.814): both wavelets, every progression, any
// number of tiles, precincts and layers, and every style of code-block. It
// knows no DICOM.
//
// [Open] shows the size of an image to its caller before it makes room for
// it, and [Image.Region] decodes parts of it: a part depends on those code-blocks
// of every subband that lie under it, with a margin of a few samples, and no
// others are decoded. What is not read is refused by name: several or subsampled
// components, regions of interest, changes of progression, packed packet headers,
// and code-blocks of both kinds where those of T.800 have several codewords. Code
// that is cut or damaged gives an error where that shows; nothing is filled in.
//
// Of code-blocks of T.814 the last set of passes that has code is decoded. Its
// cleanup pass alone makes lossless code; the two that may follow refine it by
// half a bit-plane each.
package j2k
