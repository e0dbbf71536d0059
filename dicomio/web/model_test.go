package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/dicomio"
)

func TestRecords(t *testing.T) {
	const text = `[{
		"00080018": {"vr": "UI", "Value": ["1.2.3"]},
		"0020000d": {"vr": "UI", "Value": ["1.2 "]},
		"00200032": {"vr": "DS", "Value": [-228.800003, "-210", 1.5e2]},
		"00280010": {"vr": "US", "Value": [512.0]},
		"00280030": {"vr": "DS", "Value": [0.703125, null]},
		"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane", "Ideographic": "x"}]},
		"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["9"]}}, {}]},
		"00091010": {"vr": "OB", "InlineBinary": "AAAA"},
		"7FE00010": {"vr": "OW", "BulkDataURI": "http://x"},
		"comment": "no tag"
	}, {}]`
	var got []Dataset
	keep := func(tag uint32) bool { return tag != 0x00091010 }
	if err := readRecords(strings.NewReader(text), keep, func(d Dataset) error { got = append(got, d); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []Dataset{{
		0x00080018: {VR: "UI", Values: []string{"1.2.3"}},
		0x0020000D: {VR: "UI", Values: []string{"1.2 "}},
		0x00200032: {VR: "DS", Values: []string{"-228.800003", "-210", "150"}},
		0x00280010: {VR: "US", Values: []string{"512"}},
		0x00280030: {VR: "DS", Values: []string{"0.703125", ""}},
		0x00100010: {VR: "PN", Values: []string{"Doe^Jane"}},
		0x00081199: {VR: "SQ", Items: []Dataset{{0x00081155: {VR: "UI", Values: []string{"9"}}}, {}}},
		0x7FE00010: {VR: "OW"},
	}, {}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if rows, ok := got[0].Int(0x00280010); !ok || rows != 512 || got[0].Text(TagStudyUID) != "1.2" || got[0].Text(0x00091010) != "" {
		t.Error("values are not read")
	}
}

func TestNestingIsLookedAtSoFar(t *testing.T) {
	deep := `{"00080018":{"vr":"UI","Value":["1"]}}`
	for range 200 {
		deep = `{"00081199":{"vr":"SQ","Value":[` + deep + `]}}`
	}
	d, err := readAnswer(strings.NewReader(deep))
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	for items := []Dataset{d}; len(items) > 0; depth++ {
		items = items[0][0x00081199].Items
	}
	if depth != maxItemDepth+1 {
		t.Errorf("%d levels were read", depth)
	}
}

func related(boundary string) http.Header {
	return http.Header{"Content-Type": {`multipart/related; type="application/dicom"; boundary=` + boundary}}
}

func parts(h http.Header, body string, limit int64) (files []string, err error) {
	err = readParts("test", h, strings.NewReader(body), limit, func(file []byte) error {
		files = append(files, string(file))
		return nil
	})
	return files, err
}

func TestParts(t *testing.T) {
	const body = "preamble\r\n--b\r\nContent-Type: application/dicom\r\n\r\none\r\n--not\r\n--b\r\n\r\ntwo\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nskipped\r\n--b--\r\n"
	got, err := parts(related("b"), body, 100)
	if err != nil || cmp.Diff([]string{"one\r\n--not", "two"}, got) != "" {
		t.Errorf("%q, %v", got, err)
	}
	got, err = parts(related("b"), "--b\r\nContent-Type: application/octet-stream\r\n\r\none\r\n--b--", 100)
	if err != nil || cmp.Diff([]string{"one"}, got) != "" {
		t.Errorf("%q, %v", got, err)
	}
	got, err = parts(http.Header{"Content-Type": {"application/dicom"}}, "bare", 4)
	if err != nil || cmp.Diff([]string{"bare"}, got) != "" {
		t.Errorf("%q, %v", got, err)
	}
	for name, c := range map[string]struct {
		header http.Header
		body   string
		code   dicomio.Code
	}{
		"no type":       {http.Header{}, body, dicomio.CodeArchiveFailed},
		"other type":    {http.Header{"Content-Type": {"text/html"}}, body, dicomio.CodeArchiveFailed},
		"no boundary":   {http.Header{"Content-Type": {"multipart/related"}}, body, dicomio.CodeArchiveFailed},
		"odd boundary":  {related(`"b<b"`), body, dicomio.CodeArchiveFailed},
		"long boundary": {related(strings.Repeat("b", 71)), body, dicomio.CodeArchiveFailed},
		"not there":     {related("c"), body, dicomio.CodeArchiveFailed},
		"cut":           {related("b"), body[:40], dicomio.CodeArchiveFailed},
		"cut in a part": {related("b"), body[:52], dicomio.CodeArchiveFailed},
		"not ended":     {related("b"), strings.TrimSuffix(body, "--b--\r\n"), dicomio.CodeArchiveFailed},
		"too large":     {related("b"), strings.Replace(body, "one", strings.Repeat("1", 101), 1), dicomio.CodeLimit},
		"encoded":       {related("b"), "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==\r\n--b--", dicomio.CodeArchiveFailed},
	} {
		if got, err := parts(c.header, c.body, 100); dicomio.CodeOf(err) != c.code {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzParts(f *testing.F) {
	f.Add(`multipart/related; type="application/dicom"; boundary=b`, []byte("--b\r\nContent-Type: application/dicom\r\n\r\none\r\n--b--\r\n"))
	f.Add(`multipart/related; boundary="a b"`, []byte("--a b\r\n\r\n\r\n--a b--"))
	f.Add("application/dicom", []byte("DICM"))
	f.Add("multipart/related; type=application/dicom; boundary=----=_Part_1_12.34", []byte("------=_Part_1_12.34\r\n\r\none\r\n------=_Part_1_12.34--"))
	f.Add("multipart/related; boundary=--", []byte("----\n\n----\n\n------"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		var total int
		err := readParts("fuzz", http.Header{"Content-Type": {kind}}, bytes.NewReader(body), 64, func(file []byte) error {
			if total += len(file); len(file) > 64 || total > len(body) {
				t.Error("more came out than went in")
			}
			return nil
		})
		if err != nil && dicomio.CodeOf(err) == "" {
			t.Errorf("no code: %v", err)
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(`[{"0020000D":{"vr":"UI","Value":["1.2"]},"00081199":{"vr":"SQ","Value":[{}]}}]`))
	f.Add([]byte(`{"00081198":{"vr":"SQ","Value":[{"00081197":{"vr":"US","Value":[273]}}]}}`))
	f.Add([]byte(`[{"00200032":{"vr":"DS","Value":[1e400,-0.0,null,"x"]}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := 0
		err := readRecords(bytes.NewReader(text), all, func(d Dataset) error {
			if n++; n > len(text) {
				t.Error("more records than bytes")
			}
			d.Text(TagStudyUID)
			d.Int(0x00280010)
			return nil
		})
		if code := dicomio.CodeOf(brokenModel("fuzz", err)); err != nil && code == "" {
			t.Errorf("no code: %v", err)
		}
		if d, err := readAnswer(bytes.NewReader(text)); err == nil && d == nil && bytes.HasPrefix(text, []byte("{")) {
			t.Error("an object gave nothing")
		}
		batch := []*storing{{id: dicomio.Identity{SOPInstanceUID: "1.2"}}}
		h := http.Header{"Content-Type": {"application/json"}}
		if err := readStored(http.StatusOK, h, bytes.NewReader(text), batch); err != nil {
			t.Error(err)
		}
	})
}

func TestBodiesAreBounded(t *testing.T) {
	for size := range 5 {
		b := &bounded{r: strings.NewReader("abc"), left: int64(size)}
		got, err := io.ReadAll(b)
		if over := size < 3; b.over != over || (err != nil) != over || len(got) != min(size, 3) || b.err != nil {
			t.Errorf("limit %d: %q, %v, %+v", size, got, err, b)
		}
	}
}

func TestUIDs(t *testing.T) {
	for uid, want := range map[string]bool{
		"1.2.840": true, "0": true, strings.Repeat("1", 64): true, "": false, "1..2": false, ".1": false, "1.": false, "1.2 ": false, "1.a": false,
		strings.Repeat("1", 65): false,
	} {
		if ValidUID(uid) != want {
			t.Error(fmt.Sprintf("%q", uid), !want)
		}
	}
}

// FuzzFrame reads any body as a frame: no more than its limit, and in a syntax
// that is one.
func FuzzFrame(f *testing.F) {
	for _, kind := range []string{
		`multipart/related; type="application/octet-stream"; boundary=b`, `multipart/related; type="image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"; boundary=b`,
		"multipart/related; transfer-syntax=*; boundary=b", "image/jp2", "application/octet-stream; transfer-syntax=1.2.840.10008.1.2",
	} {
		for _, part := range []string{"", "Content-Type: application/octet-stream\r\n", "Content-Type: image/jls;transfer-syntax=1.2.840.10008.1.2.4.81\r\n"} {
			f.Add(kind, []byte("--b\r\n"+part+"\r\none\r\n--b--\r\n"))
		}
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		pixels, syntax, err := readFrame("fuzz", http.Header{"Content-Type": {kind}}, bytes.NewReader(body), 64)
		switch {
		case err != nil && dicomio.CodeOf(err) == "":
			t.Errorf("no code: %v", err)
		case err == nil && (len(pixels) == 0 || len(pixels) > 64 || len(pixels) > len(body) || !ValidUID(syntax)):
			t.Errorf("%d bytes in %q of %d", len(pixels), syntax, len(body))
		}
	})
}
