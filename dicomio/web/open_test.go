package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
)

// archive serves the files of a series by WADO-RS, as change wants.
type archive struct {
	files  map[string][]byte // by SOPInstanceUID
	order  []string
	asked  atomic.Int32                            // for images
	frames atomic.Int32                            // asked for
	frame  func(uid string, w http.ResponseWriter) // default: there are none
	change func(uid, accept string, w http.ResponseWriter) (done bool)
	fields func(uid string) string // metadata of an image; default: all
}

func newArchive(t *testing.T, local *dicomio.Series) *archive {
	t.Helper()
	a := &archive{files: map[string][]byte{}}
	for _, s := range local.Slices {
		file, err := os.ReadFile(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		a.files[s.SOPInstanceUID] = file
		a.order = append(a.order, s.SOPInstanceUID)
	}
	return a
}

// metadata is that of the first slices of dicomtest's default series.
func metadata(uid string, z, of int) string {
	study := "1.2.826.0.1.3680043.10.9.1"
	return fmt.Sprintf(`{"00080008":{"vr":"CS","Value":["ORIGINAL","PRIMARY","AXIAL"]},"00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]},
		"00080018":{"vr":"UI","Value":[%q]},"00080060":{"vr":"CS","Value":["CT"]},"00080070":{"vr":"LO","Value":["Nodulescope"]},
		"0020000D":{"vr":"UI","Value":[%q]},"0020000E":{"vr":"UI","Value":["%s.2"]},"00200052":{"vr":"UI","Value":["%s.3"]},
		"00200012":{"vr":"IS","Value":["1"]},"00200013":{"vr":"IS","Value":["%d"]},"00200032":{"vr":"DS","Value":[0,"0",%g]},"00200037":{"vr":"DS","Value":[1,0,0,0,1,0]},
		"00280002":{"vr":"US","Value":[1]},"00280004":{"vr":"CS","Value":["MONOCHROME2"]},"00280010":{"vr":"US","Value":[16]},
		"00280011":{"vr":"US","Value":[16]},"00280030":{"vr":"DS","Value":[0.7,0.7]},"00280100":{"vr":"US","Value":[16]},
		"00280101":{"vr":"US","Value":[16]},"00280102":{"vr":"US","Value":[15]},"00280103":{"vr":"US","Value":[1]},
		"00281052":{"vr":"DS","Value":[0]},"00281053":{"vr":"DS","Value":["1"]}}`, uid, study, study, study, of-z, 2.5*float64(z))
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Base(r.URL.Path) == "metadata" {
		var records []string
		for z, uid := range a.order {
			text := metadata(uid, z, len(a.order))
			if a.fields != nil {
				text = a.fields(uid)
			}
			records = append(records, text)
		}
		answerJSON(w, "["+strings.Join(records, ",")+"]")
		return
	}
	if dir := path.Dir(r.URL.Path); path.Base(dir) == "frames" {
		a.frames.Add(1)
		if a.frame == nil {
			http.Error(w, "no frames", http.StatusNotFound)
			return
		}
		a.frame(path.Base(path.Dir(dir)), w)
		return
	}
	a.asked.Add(1)
	uid, accept := path.Base(r.URL.Path), r.Header.Get("Accept")
	if a.change != nil && a.change(uid, accept, w) {
		return
	}
	sendInstance(w, a.files[uid])
}

func sendInstance(w http.ResponseWriter, file []byte) {
	w.Header().Set("Content-Type", `multipart/related; type="application/dicom"; boundary=xyz`)
	fmt.Fprintf(w, "--xyz\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--xyz--\r\n", file)
}

func open(t *testing.T, c *web.Client, opts dicomio.Options) (*dicomio.Series, error) {
	t.Helper()
	return c.Open(t.Context(), "1.2.826.0.1.3680043.10.9.1", "1.2.826.0.1.3680043.10.9.1.2", opts)
}

func TestOnlyTheSlicesThatAreNeededAreFetched(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 12})
	a := newArchive(t, local)
	remote, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, local, remote)
	if n := a.asked.Load(); n != 0 {
		t.Errorf("%d images fetched to open the series", n)
	}
	for range 2 {
		sameHU(t, local, remote, 3, 4)
	}
	if n := a.asked.Load(); n != 4 {
		t.Errorf("%d images fetched for 4 slices, twice", n)
	}
	file, err := remote.File(t.Context(), 3)
	if err != nil || !bytes.Equal(file, a.files[local.Slices[3].SOPInstanceUID]) {
		t.Errorf("file: %v", err)
	}

	// A store for two images keeps the last two.
	small, err := open(t, faulty(t, func(o *web.Options) { o.CacheBytes = int64(2*len(file) + 10) }, a.ServeHTTP), dicomio.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	a.asked.Store(0)
	for _, z := range []int{0, 1, 2, 2, 1, 0} {
		sameHU(t, local, small, z, 1)
	}
	if n := a.asked.Load(); n != 4 {
		t.Errorf("%d images fetched, want 4", n)
	}
}

// TestHeadersComeFromImagesWhereMetadataAreShort holds for servers that tell
// only what they index.
func TestHeadersComeFromImagesWhereMetadataAreShort(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 6, Syntax: dicomtest.Deflated})
	a := newArchive(t, local)
	a.fields = func(uid string) string {
		return fmt.Sprintf(`{"00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]},"00080018":{"vr":"UI","Value":[%q]},
			"00080060":{"vr":"CS","Value":["CT"]},"0020000D":{"vr":"UI","Value":[%q]},"0020000E":{"vr":"UI","Value":[%q]}}`, uid, local.StudyUID, local.SeriesUID)
	}
	remote, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, local, remote)
	sameHU(t, local, remote, 0, 6)
	if n := a.asked.Load(); n != 6 {
		t.Errorf("%d images fetched, want 6", n)
	}
}

// TestASyntaxThatIsNotDecodedIsAskedForInAnother has a server that holds JPEG
// 2000 and can uncompress it.
func TestASyntaxThatIsNotDecodedIsAskedForInAnother(t *testing.T) {
	const mpeg2 = "1.2.840.10008.1.2.4.100"
	_, local := series(t, dicomtest.Spec{Slices: 4})
	packed := map[string][]byte{}
	for z, s := range local.Slices {
		file, err := dicomtest.Encode(dicomtest.Spec{Slices: 4, Syntax: mpeg2, Fragments: func([]byte) [][]byte { return [][]byte{nil, {1, 2}} }}, z)
		if err != nil {
			t.Fatal(err)
		}
		packed[s.SOPInstanceUID] = file
	}
	for _, able := range []bool{true, false} {
		a := newArchive(t, local)
		a.change = func(uid, accept string, w http.ResponseWriter) bool {
			if strings.Contains(accept, "transfer-syntax=*") {
				sendInstance(w, packed[uid])
				return true
			}
			if !able {
				w.WriteHeader(http.StatusNotAcceptable)
			}
			return !able
		}
		remote, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if able {
			sameHU(t, local, remote, 0, 4)
			continue
		}
		if _, err = remote.HU(t.Context(), 0, 1); dicomio.CodeOf(err) != dicomio.CodeTransferSyntax {
			t.Errorf("what cannot be decoded: %v", err)
		}
	}
	// A server that does not know the star is asked without it.
	a := newArchive(t, local)
	a.change = func(_, accept string, w http.ResponseWriter) bool {
		if strings.Contains(accept, "transfer-syntax=*") {
			w.WriteHeader(http.StatusNotAcceptable)
			return true
		}
		return false
	}
	remote, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameHU(t, local, remote, 0, 4)
}

func TestImagesThatAreNotWhatWasDescribed(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 4})
	elsewhere, err := dicomtest.Encode(dicomtest.Spec{Slices: 4, Origin: [3]float64{1, 0, 0}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	a := newArchive(t, local)
	for name, c := range map[string]struct {
		file []byte
		code dicomio.Code
	}{
		"another slice":    {a.files[local.Slices[2].SOPInstanceUID], dicomio.CodeUnreadable},
		"another position": {elsewhere, dicomio.CodeUnreadable},
		"no DICOM":         {[]byte("hello"), dicomio.CodeUnreadable},
		"nothing":          {nil, dicomio.CodeArchiveFailed},
		"cut":              {a.files[local.Slices[1].SOPInstanceUID][:1000], dicomio.CodeTruncated},
		"too large":        {make([]byte, 5000), dicomio.CodeLimit},
	} {
		a.change = func(_, _ string, w http.ResponseWriter) bool { sendInstance(w, c.file); return true }
		client := faulty(t, func(o *web.Options) { o.MaxImageBytes, o.Attempts = 4096, 1 }, a.ServeHTTP)
		remote, err := open(t, client, dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = remote.HU(t.Context(), 1, 1)
		if dicomio.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// TestAPACSThatIsGoneIsAskedOnce has many slices wanted of a server that is busy.
func TestAPACSThatIsGoneIsAskedOnce(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 20})
	a := newArchive(t, local)
	a.change = func(_, _ string, w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	remote, err := open(t, faulty(t, func(o *web.Options) { o.Attempts = 2 }, a.ServeHTTP), dicomio.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for z := range 20 {
		_, err := remote.HU(t.Context(), z, 1)
		wantCode(t, err, dicomio.CodeUnreachable)
	}
	if n := a.asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2 attempts", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := remote.HU(ctx, 0, 4); err == nil {
		t.Error("a question that was called off was answered")
	}
}

func TestMetadataAreBounded(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 6})
	a := newArchive(t, local)
	_, err := open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{MaxFiles: 5})
	wantCode(t, err, dicomio.CodeLimit)
	_, err = open(t, faulty(t, func(o *web.Options) { o.MaxBodyBytes = 2000 }, a.ServeHTTP), dicomio.Options{})
	wantCode(t, err, dicomio.CodeLimit)
	a.order = nil
	_, err = open(t, faulty(t, nil, a.ServeHTTP), dicomio.Options{})
	wantCode(t, err, dicomio.CodeNotStored)
}

// TestContentTypesOfServers: what servers write is read, and what cannot be is
// refused for the true reason.
func TestContentTypesOfServers(t *testing.T) {
	_, local := series(t, dicomtest.Spec{Slices: 4})
	for header, told := range map[string]string{
		`multipart/related; type=application/dicom; boundary=xyz`: "", `multipart/related; boundary=xyz; type=application/dicom`: "",
		`multipart/related;boundary=xyz;type=application/dicom;`: "", `multipart/related; type=application/dicom; type=application/dicom; boundary="xyz"`: "",
		`multipart/related; boundary=abc; boundary=xyz`: "media type", ``: "media type", `multipart/related; type=application/dicom`: "boundary", `text/html`: "DICOM files",
	} {
		a := newArchive(t, local)
		a.change = func(uid, _ string, w http.ResponseWriter) bool {
			w.Header()["Content-Type"] = []string{header}
			fmt.Fprintf(w, "--xyz\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n%s\r\n--xyz--\r\n", a.files[uid])
			return true
		}
		remote, err := open(t, faulty(t, func(o *web.Options) { o.Attempts = 1 }, a.ServeHTTP), dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = remote.HU(t.Context(), 0, 1); told == "" && err != nil || told != "" && (err == nil || !strings.Contains(err.Error(), told)) {
			t.Errorf("%s: %v, want %q", header, err, told)
		}
	}
	a := newArchive(t, local)
	a.change = func(_, _ string, w http.ResponseWriter) bool {
		w.Header().Set("Content-Encoding", "deflate")
		sendInstance(w, []byte("x"))
		return true
	}
	remote, err := open(t, faulty(t, func(o *web.Options) { o.Attempts = 1 }, a.ServeHTTP), dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = remote.HU(t.Context(), 0, 1); err == nil || !strings.Contains(err.Error(), "Content-Encoding") {
		t.Errorf("deflated: %v", err)
	}
}
