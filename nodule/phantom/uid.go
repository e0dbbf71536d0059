package phantom

import (
	"crypto/sha256"
	"math/big"
	"strconv"
)

// uid derives a UID from the phantom's digest: a UUID under the root 2.25
// (DICOM PS3.5 B.2), version 8 (RFC 9562), so that no registered root is
// needed and equal phantoms have equal UIDs.
func (p *Phantom) uid(what string) string {
	h := sha256.New()
	h.Write(p.digest[:])
	h.Write([]byte(what))
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return "2.25." + new(big.Int).SetBytes(b).String()
}

// StudyUID is the Study Instance UID of the written series.
func (p *Phantom) StudyUID() string { return p.uid("study") }

// SeriesUID is the Series Instance UID of the written series.
func (p *Phantom) SeriesUID() string { return p.uid("series") }

// FrameOfReferenceUID is the frame that the positions of the nodules are in.
func (p *Phantom) FrameOfReferenceUID() string { return p.uid("frame of reference") }

// SOPInstanceUID is that of slice z.
func (p *Phantom) SOPInstanceUID(z int) string { return p.uid("slice " + strconv.Itoa(z)) }
