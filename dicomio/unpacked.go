package dicomio

import (
	"bytes"
	"hash/crc32"
	"io"
	"sync"
	"weak"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// unpackedFile is the packed or deflated multi-frame file whose frames were decoded
// last, checked and inflated once for all of them. One is inflated at a time.
type unpackedFile struct {
	mu   sync.Mutex
	of   entry
	sent weak.Pointer[byte] // where it came from a PACS: the first byte
	src  codec.Source       // its bytes are in memory; nil: it is as it is on disk, or there is none
}

// packs tells files of which decoding a frame begins with inflating others.
func packs(h *header) bool {
	return h.frames > 1 && (h.entry.pack != packPlain || h.format.syntax.UID == codec.Deflated)
}

// fetched is source for a file that came from a PACS. u.mu is held.
func (u *unpackedFile) fetched(h *header, file []byte) (codec.Source, error) {
	if u.src != nil && u.sent.Value() == &file[0] {
		return u.src, nil
	}
	u.of, u.src = entry{}, nil
	src := h.format.pixels.DataSet(bytes.NewReader(file))
	err := whole(src, h.format.inflateLimit)
	if err == nil {
		u.sent, u.src = weak.Make(&file[0]), src
	}
	return src, err
}

// source is that of entry.checked for a frame. u.mu is held.
func (u *unpackedFile) source(h *header, f io.ReaderAt) (codec.Source, error) {
	stored, limit := h.entry.pack == packStored, h.format.inflateLimit
	switch {
	case u.of != h.entry:
	case u.src != nil:
		return u.src, nil
	case stored:
		return h.entry.source(f, h.size, limit)
	}
	u.of, u.sent, u.src = entry{}, weak.Pointer[byte]{}, nil
	deflated := h.format.syntax.UID == codec.Deflated
	if stored && !deflated { // it may be larger than what is inflated
		return u.stored(h, f)
	}
	src, err := h.entry.checked(f, h.size, limit)
	if err == nil && (h.entry.pack != packPlain || deflated) {
		src = h.format.pixels.DataSet(src)
		if err = whole(src, limit); err == nil {
			u.of, u.src = h.entry, src
		}
	}
	return src, err
}

// stored compares the checksum of a file that lies in a zip as it is.
func (u *unpackedFile) stored(h *header, f io.ReaderAt) (codec.Source, error) {
	src, err := h.entry.source(f, h.size, h.format.inflateLimit)
	if err != nil {
		return nil, err
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(src, 0, src.Size())); err != nil {
		return nil, err
	}
	if h.entry.sum != 0 && sum.Sum32() != h.entry.sum {
		return nil, errSum()
	}
	u.of = h.entry
	return src, nil
}
