// Package web is a client of DICOMweb (PS3.18): it finds studies, series and
// instances in a PACS, reads series of CT images from it, and stores instances
// there.
//
// # Connecting
//
// New makes a Client of Options: the address under which /studies is found,
// how to sign in (not at all, with a name and a password, or with a token that
// is read from a file), and which authority the certificate is checked with.
// Nothing is sent before the first question.
//
// # Finding
//
// Client.Studies, Client.Series and Client.Instances are QIDO-RS. They fetch
// page after page, leave out what a server sends twice, and end at Query.Limit.
//
// # Reading
//
// Client.Open reads the metadata of a series (WADO-RS) and builds the volume of
// them, with the same rules, warnings and codes as a folder. Images are fetched
// when their slices are decoded, a few at a time, and a bounded number of bytes
// of them is kept with the series: the first one whole and, where a server's frames are
// seen to hold the same, frames of the others. They are asked for as they are stored; what
// package dicomio cannot decode is asked for once more, uncompressed.
//
// # Storing
//
// Client.Store is STOW-RS. It asks first what is there (QIDO-RS), sends the
// rest, reads the list of failures, and asks again where the answer leaves
// something open or none came. Sent twice, an instance is stored once.
//
// # Orthanc
//
// [Orthanc] asks the interface of its own that this free PACS has beside
// DICOMweb: what has changed since a position, and what that is.
//
// # What goes wrong
//
// Errors are a *dicomio.Error whose code starts with pacs_. A question is asked
// again, up to Options.Attempts times and with growing delays, after network
// errors, 5xx and 429 (too many requests), never after another 4xx. Redirects
// are not followed: an address that was allowed cannot lead to one that was
// not. Errors and logs hold no address, no UID, no credentials and nothing that
// the server wrote: there could be a patient in it.
//
// # Untrusted input
//
// A body, a part of one, the number of parts, records and values, and the depth
// that is looked at are limited. A boundary that the standard does not allow is
// refused.
package web
