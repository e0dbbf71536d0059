// Package dicomtest writes small CT series for tests, and asks validators what
// they think of files.
//
// # What it makes
//
// WriteSeries writes one file per slice from a Spec: size, spacing, place,
// tilt, missing and doubled slices, pixel format, padding and transfer syntax.
// Encode gives the bytes of one slice. The zero Spec is a valid series of four
// slices of 16 x 16 pixels.
//
// # What it breaks
//
// Truncate, NoPixels and Edit make files that a reader must refuse. A test
// that needs a fault that has no field of its own removes or replaces elements
// with Edit.
//
// # Validators
//
// Tool runs a program of others where it is installed, and Complaints picks out
// of its output what a valid file does not give rise to.
//
// # No patients
//
// The files hold no patient data: the patient module is empty.
package dicomtest
