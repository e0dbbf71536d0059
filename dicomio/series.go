package dicomio

import (
	"context"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/digest"
)

// Series is one CT volume: the instances of a series that share frame of
// reference, orientation, matrix and pixel spacing, in scan order. It holds
// headers only; pixels are decoded by HU for the slices that are asked for.
type Series struct {
	StudyUID            string
	SeriesUID           string
	FrameOfReferenceUID string
	Manufacturer        string
	Geometry            Geometry
	Slices              []Slice   // ascending along Geometry.Normal
	Warnings            []Warning // what was found and tolerated
	Volumes             []Volume  // every volume that the series holds; Slices are of the one that was taken

	// Doubles are images of the volume that were left out because another one
	// is at their position, to the index of that slice.
	Doubles map[ImageRef]int

	// Modified is when a file of the series, or one that may be of it, was last
	// written; zero where it is remote. FolderModified is when the files that a folder
	// holds last became others, of all folders that were read: a copy may keep the
	// times of files.
	Modified, FolderModified time.Time

	// LeftOut counts the images under the UID of the series that are no slices of a
	// CT, by what they are: "localizer", "secondary capture".
	LeftOut map[string]int

	workers  int           // slices decoded at once
	unpacked *unpackedFile // shared by its copies
}

// Windows tells whether a window of a slice costs less than all of it, and as little
// when another is asked for later: the slices are files in JPEG 2000 or HTJ2K, in no archive. Of a
// remote series the way is what costs.
func (s *Series) Windows() bool {
	for i := range s.Slices {
		if h := s.Slices[i].file; h == nil || h.remote != nil || h.entry.pack != packPlain || !h.format.syntax.Windows() {
			return false
		}
	}
	return len(s.Slices) > 0
}

// ImageRef names a stored image: an instance, or a frame of one.
type ImageRef struct {
	SOPInstanceUID string
	Frame          int // zero-based
}

func (h *header) ref() ImageRef { return ImageRef{h.sopUID, h.frame} }

// Slice is one stored image of a series: a file, or a frame of a multi-frame CT.
type Slice struct {
	SOPInstanceUID string
	SOPClassUID    string
	Path           string  // file the slice was read from; empty where it is remote
	Frame          int     // zero-based frame number in the file
	PositionMM     float64 // projection of ImagePositionPatient on the normal
	Origin         [3]float64
	// InstanceNumber is the number that viewers show for the image: the scanner's, in
	// no particular order, or of a multi-frame image that of the frame, from 1, over all
	// files of a concatenation. 0: not told.
	InstanceNumber int

	file *header // how its pixels are read
}

// Warning is a deviation that was tolerated and is reported with the result.
type Warning struct {
	Code   Code
	Detail string // never holds patient data
}

// Block is a run of decoded slices. Voxel (z, y, x) is at
// ((z-First)*Rows+y)*Cols+x.
type Block struct {
	First, Count, Rows, Cols int
	HU                       []float32 // modality HU, unchanged
	Padding                  []bool    // true where the scanner recorded nothing
}

// Decoder reads the pixels of a series slice by slice. It is what nodule
// needs of a series; tests can supply their own.
type Decoder interface {
	// HU decodes slices first..first+count-1.
	HU(ctx context.Context, first, count int) (*Block, error)
}

// InstanceDigest identifies the set of images that the series was built of:
// "sha256:" and the hex SHA-256 of its SOPInstanceUIDs, sorted, one a line; those of
// multi-frame images are followed by # and the number of the frame, from 1. It does
// not depend on file names or their order.
func (s *Series) InstanceDigest() string {
	uids := make([]string, len(s.Slices))
	for i, sl := range s.Slices {
		uids[i] = sl.SOPInstanceUID
		if MultiFrame(sl.SOPClassUID) {
			uids[i] += "#" + strconv.Itoa(sl.Frame+1)
		}
	}
	sort.Strings(uids)
	return digest.Of([]byte(strings.Join(uids, "\n")))
}

// Cut tells whether files were left out that are cut short or damaged, or are not
// there though a DICOMDIR lists them, as where they are still being written.
func (s *Series) Cut() bool {
	for _, w := range s.Warnings {
		if w.Code == CodeTruncated || w.Code == CodeUnreadable || w.Code == CodeFileMissing {
			return true
		}
	}
	return false
}
