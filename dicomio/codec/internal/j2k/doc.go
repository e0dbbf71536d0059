// Package j2k decodes images of one component in JPEG 2000 (ITU-T T.800) and
// High-Throughput JPEG 2000 (T.814): both wavelets, every progression, any
// number of tiles, precincts and layers, and every style of code-block. It
// knows no DICOM.
//
// [Decode] shows the size of an image to its caller before it makes room for
// it. What is not read is refused by name: several or subsampled components,
// regions of interest, changes of progression, packed packet headers, and the
// passes of T.814 that refine a code-block. Code that is cut or damaged gives an
// error where that shows; nothing is filled in.
package j2k
