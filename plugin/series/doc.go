// Package series opens the CT series that a job names, in a folder or in a
// PACS, and nothing that the site has not allowed.
//
// # Two kinds of places
//
// A folder of this machine is file:///folder, with one or several series in
// it. A series in a PACS is the address of its DICOMweb service:
// https://host/path/studies/UID/series/UID, read over QIDO-RS and WADO-RS
// (PS3.18). [FileURI] and [ArchiveURI] write them, [FolderOf] and
// [SplitArchiveURI] take them apart.
//
// # What may be read
//
// A job comes over the bus, so its address is not trusted. [Reader] has the
// folders that may be named, links followed, and the PACS that may be asked,
// with the credentials that stand in the settings. Anything else is refused
// with uri_forbidden, whether it exists or not.
//
// # What is given
//
// [Reader.Open] reads headers only; pixels are read, or fetched, when cubes are
// cut. It checks that series, study and frame of reference are those that the
// job means: a position in another frame of reference means another place.
// [Headers] reads the patient and study of one image, for whoever shows or
// writes them; they are never kept.
package series
