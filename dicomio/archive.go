package dicomio

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"path"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/storage"
)

// Bounds of an archive. What is in it is never written to disk.
const (
	maxDirectory = 16 << 20 // bytes of the directory of a zip
	maxUnpacked  = 16 << 30 // bytes that all files of a zip claim
	maxRatio     = 200      // unpacked to packed bytes of a file, beyond
	freeBytes    = 4 << 20  // what any file may have
)

// packing is how a file lies on disk.
type packing byte

const (
	packPlain packing = iota
	packGzip
	packStored   // in a zip, as it is
	packDeflated // in a zip
)

// entry is a file that may be in an archive.
type entry struct {
	path         string // on disk
	name         string // in the zip
	pack         packing
	offset, size int64  // packed bytes, in a zip
	unpacked     int64  // as the zip says
	sum          uint32 // CRC-32 of what is unpacked, as the zip says; 0: not told
}

// String names it: the path of the archive, and the name of the file in it
// without its folders.
func (e entry) String() string {
	if e.name == "" {
		return e.path
	}
	return e.path + "!" + path.Base(strings.ReplaceAll(e.name, `\`, "/"))
}

// source gives the bytes of a file; limit bounds what it may inflate to.
func (e entry) source(f io.ReaderAt, size, limit int64) (codec.Source, error) {
	packed := io.NewSectionReader(f, 0, size)
	if e.name != "" {
		packed = io.NewSectionReader(f, e.offset, e.size)
	}
	limit = min(limit, max(freeBytes, maxRatio*packed.Size()))
	switch e.pack {
	case packDeflated:
		if e.unpacked > limit {
			return nil, refuse(CodeLimit, "the file in the zip archive claims to be larger than any image, or than its packed bytes allow", nil)
		}
		return sized{codec.Unpacked(flate.NewReader(packed), min(limit, e.unpacked+1)), e.unpacked}, nil
	case packGzip:
		r, err := gzip.NewReader(packed)
		if err != nil {
			return nil, refuse(CodeTruncated, "the gzip file is cut short; fetch it again", err)
		}
		return codec.Unpacked(r, limit), nil
	}
	return packed, nil
}

// checked is source where every byte is there and, in a zip, has been compared with
// its checksum. That of a gzip file is compared when its header is read.
func (e entry) checked(f io.ReaderAt, size, limit int64) (codec.Source, error) {
	src, err := e.source(f, size, limit)
	if err != nil || e.name == "" {
		return src, err
	}
	if e.unpacked > limit {
		return nil, refuse(CodeLimit, "the file in the zip archive is larger than any image", nil)
	}
	b, err := io.ReadAll(io.NewSectionReader(src, 0, e.unpacked))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) == e.unpacked && e.sum != 0 && crc32.ChecksumIEEE(b) != e.sum:
		return nil, errSum()
	}
	return bytes.NewReader(b), nil
}

func errSum() error {
	return refuse(CodeUnreadable, "the file in the zip archive is damaged: its checksum is not that of its bytes; fetch the archive again", nil)
}

// sized is a source whose size is known before its end is read: what claims to be
// longer is cut short.
type sized struct {
	codec.Source
	size int64
}

func (s sized) Size() int64 { return s.size }

// packed tells by its first bytes what archive a file is that is not DICOM.
func packed(f io.ReaderAt) (pack packing, archive string) {
	var b [262]byte
	n, _ := f.ReadAt(b[:], 0)
	switch head := b[:n]; {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return packStored, "zip"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return packGzip, "gzip"
	case n == len(b) && string(b[257:]) == "ustar":
		return packPlain, "tar"
	case bytes.HasPrefix(head, []byte("7z\xbc\xaf\x27\x1c")):
		return packPlain, "7z"
	case bytes.HasPrefix(head, []byte("Rar!\x1a\x07")):
		return packPlain, "rar"
	}
	return packPlain, ""
}

// entries lists the files of a zip, most of them at most.
func entries(archive string, f io.ReaderAt, size int64, most int) ([]entry, error) {
	r, err := zip.NewReader(&metered{from: f, left: maxDirectory}, size)
	switch {
	case errors.Is(err, errMetered):
		return nil, refuse(CodeLimit, "the directory of the zip archive is larger than that of any study; name the folder of one study", nil)
	case err != nil:
		return nil, refuse(CodeTruncated, "the zip archive has no directory at its end: it is cut short; fetch it again", err)
	}
	var list []entry
	total := uint64(0)
	for _, z := range r.File {
		if z.Name == "" || !z.Mode().IsRegular() || z.UncompressedSize64 == 0 {
			continue // folders, links, which are not followed, and what has no name to be told by
		}
		e := entry{path: archive, name: z.Name, size: int64(z.CompressedSize64), unpacked: int64(z.UncompressedSize64), sum: z.CRC32}
		if total += z.UncompressedSize64; total > maxUnpacked || z.UncompressedSize64 > maxUnpacked || len(list) == most {
			return nil, refuse(CodeLimit, "the zip archive holds more than any study; name the folder of one study", nil)
		}
		switch {
		case z.Flags&1 != 0:
			return nil, refuse(CodeArchive, "the zip archive is encrypted; unpack it", nil)
		case z.Method == zip.Store && e.size == e.unpacked:
			e.pack = packStored
		case z.Method == zip.Deflate:
			e.pack = packDeflated
		default:
			return nil, refuse(CodeArchive, "the zip archive is compressed in a way that is not read; unpack it", nil)
		}
		if e.offset, err = z.DataOffset(); err != nil || e.size < 0 || e.offset > size-e.size {
			return nil, refuse(CodeUnreadable, "the directory of the zip archive is corrupt; fetch it again", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// metered reads no more than a number of bytes.
type metered struct {
	from io.ReaderAt
	left int64
}

var errMetered = errors.New("more is read than allowed")

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, errMetered
	}
	return m.from.ReadAt(p, off)
}

// whole reads all that a file inflates to, less than limit: what is packed may be
// cut anywhere, and its checksum stands at its end.
func whole(src codec.Source, limit int64) error {
	var one [1]byte
	_, err := src.ReadAt(one[:], limit)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// fileKind tells whether a path is a file that can be opened in place of a
// folder: an archive or a DICOMDIR. A storage that does not answer is an error.
func fileKind(ctx context.Context, path string) (archive, index bool, err error) {
	f, err := storage.Open(ctx, path)
	if isSilent(ctx, err) {
		return false, false, err
	}
	if err != nil {
		return false, false, nil //nolint:nilerr // it is no file that can be read
	}
	defer f.Close()
	_, err = readHeader(f, maxIndexBytes)
	index = errors.Is(err, errIndex)
	_, kind := packed(f)
	return kind != "" && !index, index, f.Silent()
}
