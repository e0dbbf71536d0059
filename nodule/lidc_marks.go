package nodule

import (
	"io"

	"github.com/nodulescope/nodulescope/dicomio"
)

// ReaderMark is the outline of one nodule by one reader of an LIDC-IDRI file.
type ReaderMark struct {
	Reader    int         // from 0
	CentreLPS dicomio.Vec // of its voxels, mm
	VolumeMM3 float64

	areas []*area
}

// ReaderMarks reads all outlines of an LIDC-IDRI XML file, grouped by physical
// nodule, by the rules and with the errors of candidates that are read from such
// a file.
func ReaderMarks(r io.Reader, series *dicomio.Series) ([][]ReaderMark, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxXMLBytes+1))
	if err != nil {
		return nil, badFileCause(err, "cannot be read")
	}
	if len(text) > maxXMLBytes {
		return nil, errXMLSize
	}
	p := newLIDC(series)
	if err := p.read(asUTF8(text)); err != nil {
		return nil, err
	}
	var all [][]ReaderMark
	for _, c := range clusterMarks(p.marks) {
		var marks []ReaderMark
		for _, m := range c {
			marks = append(marks, ReaderMark{m.reader, m.centre, m.volume, m.areas})
		}
		all = append(all, marks)
	}
	return all, nil
}

// Each calls visit with slice, row and column of every voxel of the outline,
// once.
func (m ReaderMark) Each(visit func(slice, row, col int)) {
	seen := map[[3]int]bool{}
	for _, a := range m.areas {
		for i, in := range a.in {
			at := [3]int{a.z, a.y0 + i/a.w, a.x0 + i%a.w}
			if in && !seen[at] {
				seen[at] = true
				visit(at[0], at[1], at[2])
			}
		}
	}
}
