// Package codec reads and writes DICOM files (PS3.5, PS3.10): the one walker,
// the one writer and the decoders of pixels that the packages of dicomio share.
// It knows no images, patients or reports.
//
// # Reading
//
// [Read] walks a file and keeps the elements that are [Wanted], and no other:
// what is not asked for never enters memory, and a private or broken element
// elsewhere does no harm. Implicit and explicit VR, big endian and deflated
// data sets are read, with a preamble or without; values come back in little
// endian, whatever the file is. [Dataset.Text], [Dataset.Integer],
// [Dataset.Floats] and [DecodeText] tell what they mean.
//
// # Pixels
//
// [Decoder] gives the stored pixels of a monochrome image, of one that has several
// frame by frame as [Frames] finds them: native,
// RLE, JPEG baseline and extended (1.2.840.10008.1.2.4.50 and .51), JPEG
// lossless (.57 and .70), JPEG-LS (.80 and .81), JPEG 2000 (.90 and .91) and
// HTJ2K (.201 to .203). What they measure is for package dicomio to say.
//
// # Writing
//
// [Write] writes a [Dataset] as a file. A text is cut to what its value
// representation allows, an element that is there twice or too long is an
// error, and the same data set gives the same bytes.
//
// # Untrusted input
//
// Files come from outside. No length that a file states makes room before the
// bytes are there; nesting (40), the number of elements, the bytes of values
// and of what a deflated file inflates to are limited; nothing recurses deeper
// than the nesting. A panic, should there be one, becomes an error.
//
// # Why not the library
//
// github.com/suyashkumar/dicom v1.1.0 was measured first. A file that is cut
// inside its pixels parses without an error and without pixels; signed pixels
// come back unsigned; each fragment becomes a frame; the length of a long value
// is cut to 16 bits when written, and 32-bit floating point pixels (OF) cannot
// be; it panics on some character sets; and it descends into sequences as deep
// as a file says, until the stack is exhausted, which no recover catches. So
// images were walked here and only the elements that were needed handed to it,
// written anew as a small file. With the walker alone, 56,000 whole and damaged
// files give the same values, pixels and codes as with it. It is left as a
// peer that tests read with.
package codec
