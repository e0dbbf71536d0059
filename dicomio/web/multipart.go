package web

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

const (
	kindDICOM    = "application/dicom"
	kindBytes    = "application/octet-stream" // as some servers call a part
	kindRelated  = "multipart/related"
	maxParts     = 1 << 16
	maxBoundary  = 70 // RFC 2046 section 5.1.1
	boundaryOnly = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? "
)

// readParts hands over the DICOM files of a body one after the other, each of
// at most limit bytes. Parts of another kind are left out.
func readParts(op string, h http.Header, body io.Reader, limit int64, each func(file []byte) error) error {
	return readFiles(op, h, body, func(r io.Reader) ([]byte, error) { return readPart(op, r, limit) }, each)
}

// readFiles is readParts where read reads a file.
func readFiles(op string, h http.Header, body io.Reader, read func(io.Reader) ([]byte, error), each func(file []byte) error) error {
	files := func(kind string, alone bool) bool { return kind == kindDICOM || kind == kindBytes && !alone }
	return readEach(op, h, body, read, files, func(p part) error { return each(p.bytes) })
}

// part is one of a body, or the body where it has none.
type part struct {
	kind       string // media type; "" where it is not told
	parameters map[string]string
	bytes      []byte
}

// readEach hands over the parts whose kind is wanted. The body is
// multipart/related (PS3.18 section 8.6.1.2) or, as some servers send one
// instance, the thing itself, alone.
func readEach(op string, h http.Header, body io.Reader, read func(io.Reader) ([]byte, error), wanted func(kind string, alone bool) bool, each func(part) error) error {
	kind, parameters, ok := mediaType(h.Get("Content-Type"))
	if !ok {
		return broken(op, "the PACS sent an answer whose media type is missing or cannot be read", nil)
	}
	if kind != kindRelated {
		if !wanted(kind, true) {
			return broken(op, "the PACS did not send the DICOM files or frames that were asked for", nil)
		}
		b, err := read(body)
		if err != nil {
			return err
		}
		return each(part{kind, parameters, b})
	}
	boundary := parameters["boundary"]
	if !validBoundary(boundary) {
		return broken(op, "the PACS sent parts without a valid boundary", nil)
	}
	tail := &tailReader{r: body}
	reader := multipart.NewReader(tail, boundary)
	for range maxParts {
		next, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) && tail.holds("--"+boundary+"--") {
			return nil
		}
		if err != nil {
			return broken(op, "the parts that the PACS sent are cut short or not separated as they should be", nil)
		}
		p := part{}
		if p.kind, p.parameters, ok = mediaType(next.Header.Get("Content-Type")); ok && !wanted(p.kind, false) {
			continue
		}
		if e := next.Header.Get("Content-Transfer-Encoding"); e != "" && !strings.EqualFold(e, "binary") && !strings.EqualFold(e, "8bit") {
			return broken(op, "the PACS sent a part that is not binary", nil)
		}
		if p.bytes, err = read(next); err != nil {
			return err
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return fail(dicomio.CodeLimit, op, "the PACS sent more parts than the limit", nil)
}

// readPart reads to the end, which a multipart reader reports only where the
// boundary behind it came.
func readPart(op string, r io.Reader, limit int64) ([]byte, error) {
	file, err := io.ReadAll(io.LimitReader(r, limit+1))
	return partOf(op, file, err, limit)
}

// partOf is what was read of a part, up to a byte more than its limit.
func partOf(op string, file []byte, err error, limit int64) ([]byte, error) {
	switch {
	case err != nil:
		return nil, broken(op, "an image was cut short", nil)
	case int64(len(file)) > limit:
		return nil, fail(dicomio.CodeLimit, op, "an image is larger than the limit", nil)
	}
	return file, nil
}

func validBoundary(b string) bool {
	return b != "" && len(b) <= maxBoundary && b[len(b)-1] != ' ' && strings.Trim(b, boundaryOnly) == ""
}

// tailReader remembers the last bytes that were read: multipart.Reader reports
// the same end behind the last boundary and within the header of a part.
type tailReader struct {
	r    io.Reader
	last []byte
}

const tailBytes = 1 << 10

func (t *tailReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.last = append(t.last, p[max(0, n-tailBytes):n]...)
	if over := len(t.last) - tailBytes; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return n, err
}

func (t *tailReader) holds(text string) bool { return bytes.Contains(t.last, []byte(text)) }
