package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// sendFrame answers with the last bytes of a file, which are its pixels.
func sendFrame(w http.ResponseWriter, kind, partKind string, pixels []byte) {
	w.Header().Set("Content-Type", kind+"; boundary=f-1")
	fmt.Fprintf(w, "--f-1\r\nContent-Type: %s\r\n\r\n%s\r\n--f-1--\r\n", partKind, pixels)
}

func pixelsOf(file []byte) []byte { return file[len(file)-16*16*2:] }

// TestFrames: one image is fetched whole and as a frame; where both are the same,
// the others come as frames alone, and their values are those of the files.
func TestFrames(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 8})
	for name, kinds := range map[string][2]string{
		"by the standard": {`multipart/related; type="application/octet-stream"`, "application/octet-stream"},
		"as Orthanc":      {`multipart/related; type="application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"`, "application/octet-stream"},
		"unquoted":        {"multipart/related; type=application/octet-stream", "application/octet-stream;transfer-syntax=1.2.840.10008.1.2"},
		"star":            {`multipart/related; type="application/octet-stream"; transfer-syntax=*`, ""},
	} {
		a := newArchive(t, local)
		a.frame = func(uid string, w http.ResponseWriter) { sendFrame(w, kinds[0], kinds[1], pixelsOf(a.files[uid])) }
		remote, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		for z := range 6 {
			sameHU(t, local, remote, z, 1)
		}
		sameHU(t, local, remote, 0, 6)
		if whole, frames := a.asked.Load(), a.frames.Load(); whole != 1 || frames != 6 {
			t.Errorf("%s: %d images and %d frames fetched, want 1 and 6", name, whole, frames)
		}
		if file, err := remote.File(t.Context(), 3); err != nil || !bytes.Equal(file, a.files[local.Slices[3].SOPInstanceUID]) {
			t.Errorf("%s: file: %v", name, err)
		}
	}
}

// TestFramesThatAreNotTrusted: where a frame is not what the file of the image
// holds, or the metadata say other than it, images are fetched whole.
func TestFramesThatAreNotTrusted(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 8})
	const kind, bytesKind = `multipart/related; type="application/octet-stream"`, "application/octet-stream"
	swap := func(b []byte) []byte {
		b = bytes.Clone(b)
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
		return b
	}
	calls := 0
	for name, c := range map[string]struct {
		frame  func(w http.ResponseWriter, pixels []byte)
		fields func(text string) string
		frames int32 // that are asked for
	}{
		"big endian":     {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, bytesKind, swap(b)) }, nil, 1},
		"another length": {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, bytesKind, b[4:]) }, nil, 1},
		"called JPEG-LS": {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, "image/jls", b) }, nil, 1},
		"unknown syntax": {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, bytesKind+"; transfer-syntax=1.2.3", b) }, nil, 1},
		"a picture":      {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, "image/png", b) }, nil, 1},
		"a page":         {func(w http.ResponseWriter, _ []byte) { fmt.Fprint(w, "<html>") }, nil, 1},
		"error":          {func(w http.ResponseWriter, _ []byte) { http.Error(w, "", http.StatusInternalServerError) }, nil, 1},
		"not acceptable": {func(w http.ResponseWriter, _ []byte) { http.Error(w, "", http.StatusNotAcceptable) }, nil, 1},
		"another slope":  {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, bytesKind, b) }, func(s string) string { return replaceOnce(s, `"Value":["1"]}}`, `"Value":["2"]}}`) }, 0},
		"another sign": {func(w http.ResponseWriter, b []byte) { sendFrame(w, kind, bytesKind, b) }, func(s string) string {
			return replaceOnce(s, `"00280103":{"vr":"US","Value":[1]}`, `"00280103":{"vr":"US","Value":[0]}`)
		}, 0},
		"fails on the way": {func(w http.ResponseWriter, b []byte) {
			if calls++; calls > 3 {
				b = b[2:]
			}
			sendFrame(w, kind, bytesKind, b)
		}, nil, 4},
	} {
		a := newArchive(t, local)
		a.frame = func(uid string, w http.ResponseWriter) { c.frame(w, pixelsOf(a.files[uid])) }
		if c.fields != nil {
			a.fields = func(uid string) string {
				for z, u := range a.order {
					if u == uid {
						return c.fields(metadata(uid, z, len(a.order)))
					}
				}
				return ""
			}
		}
		remote, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{Workers: 1})
		if err != nil {
			t.Fatal(name, err)
		}
		for z := range 8 {
			sameHU(t, local, remote, z, 1)
		}
		if n := a.frames.Load(); n != c.frames {
			t.Errorf("%s: %d frames asked for, want %d", name, n, c.frames)
		}
	}
}

func replaceOnce(s, old, by string) string {
	if !bytes.Contains([]byte(s), []byte(old)) {
		panic("no " + old)
	}
	return string(bytes.Replace([]byte(s), []byte(old), []byte(by), 1))
}

// TestFramesAreRefusedOnce: a server that has no frames is not asked again, for
// another series neither.
func TestFramesAreRefusedOnce(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 8})
	a := newArchive(t, local)
	client := faulty(t, nil, a.ServeHTTP)
	for range 2 {
		remote, err := open(t, client, dicomio.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		sameHU(t, local, remote, 0, 8)
	}
	if n := a.frames.Load(); n != 1 {
		t.Errorf("asked for %d frames, want 1", n)
	}
}
