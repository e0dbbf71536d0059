package dicomio

import (
	"hash/crc32"
	"io"
	"sync"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// unpackedFile is the packed multi-frame file whose frames were decoded last,
// checked and inflated once for all of them. One is inflated at a time.
type unpackedFile struct {
	mu  sync.Mutex
	of  entry
	src codec.Source // its bytes are in memory; nil: it is as it is on disk, or there is none
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
	u.of, u.src = entry{}, nil
	if stored { // it may be larger than what is inflated
		return u.stored(h, f)
	}
	src, err := h.entry.checked(f, h.size, limit)
	if err == nil && h.entry.pack != packPlain {
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
