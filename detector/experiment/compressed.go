package experiment

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// maxResult bounds what is read back from one file of a run folder, after it
// was decompressed.
const maxResult = 64 << 20

// isCompressed says whether a file of this name is kept compressed.
func isCompressed(path string) bool { return strings.HasSuffix(path, ".gz") }

// compressed is b as a gzip file without a time, so that equal bytes give
// equal files.
func compressed(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // a level that exists
	_, _ = z.Write(b)                                       // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// readBounded reads a file of at most maxResult bytes and decompresses what is
// called .gz.
func readBounded(path string) ([]byte, error) {
	file, err := smallfile.Open(path) //nolint:gosec // in the run folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // was only read
	var r io.Reader = file
	if isCompressed(path) {
		if r, err = gzip.NewReader(file); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	b, err := io.ReadAll(io.LimitReader(r, maxResult+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(b) > maxResult {
		return nil, fmt.Errorf("%s has more than %d bytes, which is the most that is read", path, maxResult)
	}
	return b, nil
}
