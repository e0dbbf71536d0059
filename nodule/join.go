package nodule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/nodulescope/nodulescope/internal/digest"
)

// Joined is what Join found beside the nodules.
type Joined struct {
	Twice    int // nodules that were there before, of the same patient, and are left out
	Relabels int // of these: with another label, the first of which counts
}

// Join puts data sets together, the nodules in their order. The same nodule of one
// patient, which has the same cube, is kept once: the first. The same cube under
// two patients is refused with CodeSplitInvalid: one of them would be learned
// from, and the other measured on. The digest of one data set stays, that of
// several is one of theirs.
func Join(sets ...*Dataset) (*Dataset, Joined, error) {
	var found Joined
	out := &Dataset{Layout: layoutFull, readers: true, digest: joinedDigest(sets)}
	first := map[[32]byte]*Sample{}
	for n, ds := range sets {
		if len(sets) == 1 {
			out.Layout = ds.Layout
		}
		out.readers = out.readers && ds.readers
		out.unused = append(out.unused, ds.unused...)
		for i := range ds.Samples {
			s := &ds.Samples[i]
			key := s.cubeDigest()
			was := first[key]
			switch {
			case was == nil:
				first[key] = s
				out.Samples = append(out.Samples, *s)
			case was.Patient != s.Patient:
				return nil, found, &Error{Code: CodeSplitInvalid, Op: "join data sets",
					Hint: fmt.Sprintf("nodule %d of data set %d has the same cube as a nodule of another patient: who is it? As two patients it would be on two sides", i, n+1)}
			default:
				if found.Twice++; was.Label != s.Label {
					found.Relabels++
				}
			}
		}
	}
	return out, found, nil
}

func joinedDigest(sets []*Dataset) string {
	if len(sets) == 1 {
		return sets[0].digest
	}
	d := digest.New()
	d.Count(len(sets))
	for _, ds := range sets {
		d.Text(ds.digest)
	}
	return d.Digest()
}

// cubeDigest is of the voxels, and of which have data.
func (s *Sample) cubeDigest() (sum [32]byte) {
	h := sha256.New()
	b := make([]byte, 0, 2*len(s.hu)+8*len(s.inside))
	for _, v := range s.hu {
		b = binary.LittleEndian.AppendUint16(b, uint16(v)) //nolint:gosec // its bits
	}
	for _, v := range s.inside {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	h.Write(b)
	h.Sum(sum[:0])
	return sum
}
