package nodule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nodulescope/nodulescope/dicomio"
)

// MaxCandidateFileBytes bounds a file of candidates.
const MaxCandidateFileBytes = 32 << 20

// ReadCandidates reads the candidates of a series from a file, whose kind is
// told by its content:
//
//   - JSON: see [ParseJSON];
//   - CSV with LUNA16's columns: see [ParseLUNA16];
//   - LIDC XML, the contours of several readers: see [ParseLIDC].
//
// The candidates are valid and have unique ids. Errors have
// CodeCandidateFileInvalid, CodeNoCandidates, or a code of ValidateAll.
func ReadCandidates(ctx context.Context, path string, series *dicomio.Series) ([]Candidate, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read candidates: %w", err)
	}
	data, err := readLimited(path)
	if err != nil {
		return nil, &Error{Code: CodeCandidateFileInvalid, Op: "read candidates", Path: path, Err: err}
	}
	cs, err := parseCandidates(data, series)
	if err != nil {
		return nil, fmt.Errorf("read candidates %s: %w", path, err)
	}
	return cs, nil
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, errors.New("not a regular file; name the file itself")
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxCandidateFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxCandidateFileBytes {
		return nil, fmt.Errorf("larger than the limit of %d MiB", MaxCandidateFileBytes>>20)
	}
	return data, nil
}

// parseCandidates picks the reader by the first character.
func parseCandidates(data []byte, series *dicomio.Series) ([]Candidate, error) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	switch {
	case len(data) == 0:
		return nil, badFile("the file is empty")
	case data[0] == '{' || data[0] == '[':
		return ParseJSON(bytes.NewReader(data))
	case data[0] == '<':
		return ParseLIDC(bytes.NewReader(data), series)
	}
	if series == nil {
		return nil, badFile("a table is filtered by the series; open it first")
	}
	return ParseLUNA16(bytes.NewReader(data), series.SeriesUID)
}

func badFile(format string, args ...any) error {
	return &Error{Code: CodeCandidateFileInvalid, Op: "parse candidates", Hint: fmt.Sprintf(format, args...)}
}

func badFileCause(err error, format string, args ...any) error {
	return &Error{Code: CodeCandidateFileInvalid, Op: "parse candidates", Hint: fmt.Sprintf(format, args...), Err: err}
}
