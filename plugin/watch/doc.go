// Package watch puts jobs on the bus when a series is complete and its
// candidates have come, in either order.
//
// # Sources
//
// [Orthanc] follows the journal of an Orthanc, a free PACS, from a position
// that is kept: a series is complete when Orthanc calls it stable (no image
// has come for StableAge of its settings) and no slice is missing. [Folder]
// watches a folder with a folder for every series in it, into which images may
// arrive slowly: a series is complete when nothing has changed for a while and
// no slice is missing.
//
// # Candidates
//
// They come as structured reports in the same study, from Orthanc or as files;
// as files of any other kind that nodule.ReadCandidates reads, or jobs in files,
// in a folder ([Options].Candidates), and for [Folder] also in its root and among
// the images; or as jobs that a detector sends ahead, under a site of their own
// ([Options].HoldSite), where they are held until the series is complete. Reports
// of Nodulescope itself are passed over. A file that was looked at and brings
// nothing is told in the log, by a number, and in waiting.json with its path and
// the reason.
//
// # Jobs
//
// The id of a job follows from site, series, images and candidates: the same
// give one job, also across restarts, and the service answers it once. What
// differs, such as a slice that came late or a corrected position, is another
// job, whose result supersedes the former.
//
// # State
//
// What has been seen is kept in a bbolt file, synced before anything is told,
// together with the position in the journal: a restart, or a kill at any
// point, loses nothing. Files stay where they are and are read again. A
// series that waits longer than [Options].Timeout is told once, with what is
// missing; it goes on waiting, and what comes late still makes a job.
// waiting.json beside the state lists all that waits, with UIDs, for who may
// read that folder; the log names entries by their number there.
package watch
