package web

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// anyFrame accepts a frame as it is stored (PS3.18 section 8.7.3.5.2). Servers
// send what is compressed as bytes or as an image.
const anyFrame = kindRelated + `; type="` + kindBytes + `"; transfer-syntax=*`

// frameSyntax has the transfer syntax of a kind of part that names none (PS3.18
// tables 8.7.3-2 and 8.7.3-4).
var frameSyntax = map[string]string{
	kindBytes: codec.ExplicitLittle, "image/dicom-rle": codec.RLE, "image/x-dicom-rle": codec.RLE,
	"image/jpeg": codec.JPEGSV1, "image/jls": codec.JPEGLS, "image/x-jls": codec.JPEGLS, "image/jp2": codec.JPEG2000,
	"image/jphc": codec.HTJ2K,
}

// frame asks, once, for the pixels of a single-frame instance. A server that
// does not give frames is not asked again.
func (c *Client) frame(ctx context.Context, studyUID, seriesUID, uid string) (pixels []byte, syntax string, err error) {
	const op = "fetch frame"
	if c.noFrames.Load() {
		return nil, "", fail(dicomio.CodeRefusedThere, op, "the PACS does not do this", nil)
	}
	if err := checkUIDs(op, studyUID, seriesUID, uid); err != nil {
		return nil, "", err
	}
	_, err = c.try(ctx, call{
		op: op, method: http.MethodGet, path: []string{"studies", studyUID, "series", seriesUID, "instances", uid, "frames", "1"},
		accept: anyFrame, limit: c.opts.MaxImageBytes + partRoom,
		read: func(_ int, h http.Header, body io.Reader) (err error) {
			pixels, syntax, err = readFrame(op, h, body, c.opts.MaxImageBytes)
			return err
		},
	})
	if err != nil {
		if dicomio.CodeOf(err) == dicomio.CodeRefusedThere || dicomio.CodeOf(err) == dicomio.CodeNotStored || StatusOf(err) == http.StatusNotImplemented {
			c.noFrames.Store(true)
		}
		return nil, "", err
	}
	return pixels, syntax, nil
}

// readFrame reads one frame, and what says in which syntax it is: its part, what
// is around it, or its kind.
func readFrame(op string, h http.Header, body io.Reader, limit int64) (pixels []byte, syntax string, err error) {
	wanted := func(kind string, _ bool) bool { return frameSyntax[kind] != "" }
	parts := 0
	read := func(r io.Reader) ([]byte, error) { return readPart(op, r, limit) }
	err = readEach(op, h, body, read, wanted, func(p part) error {
		if parts++; parts > 1 {
			return broken(op, "the PACS sent several frames where one was asked for", nil)
		}
		pixels, syntax = p.bytes, p.parameters["transfer-syntax"]
		if syntax == "" {
			syntax = aroundPart(h, p.kind)
		}
		return nil
	})
	switch {
	case err == nil && len(pixels) == 0:
		err = broken(op, "the PACS sent no frame", nil)
	case err == nil && !ValidUID(syntax):
		err = broken(op, "the PACS sent a frame in a transfer syntax that is none", nil)
	}
	return pixels, strings.TrimSpace(syntax), err
}

// aroundPart looks for the syntax of a part in the type of the answer: beside its
// type, or, as some servers write it, within.
func aroundPart(h http.Header, kind string) string {
	_, outer, _ := mediaType(h.Get("Content-Type"))
	if syntax := outer["transfer-syntax"]; syntax != "" && syntax != "*" {
		return syntax
	}
	inner, parameters, ok := mediaType(outer["type"])
	if syntax := parameters["transfer-syntax"]; ok && syntax != "" && syntax != "*" {
		return syntax
	}
	if kind == "" {
		kind = inner
	}
	return frameSyntax[kind]
}
