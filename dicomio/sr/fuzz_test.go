package sr

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
)

// checkReport reads any bytes: a content tree, or an error with a code.
func checkReport(t *testing.T, b []byte) {
	d, err := Read(bytes.NewReader(b))
	if err != nil && dicomio.CodeOf(err) == "" {
		t.Fatalf("an error without a code: %v", err)
	}
	if err == nil {
		d.Root.Walk(func(n *Item) bool {
			d.Resolve(n)
			if !finite(n.Points...) || n.Number != nil && !finite(*n.Number) {
				t.Fatalf("item %+v", n)
			}
			return true
		})
	}
	if _, err := ReadHeader(bytes.NewReader(b)); err != nil && dicomio.CodeOf(err) == "" {
		t.Fatalf("an error without a code: %v", err)
	}
}

// small is a short report with something of everything.
func small(t testing.TB) []byte {
	s := seriestest.Named(t)
	r := testReport(t, s)
	r.Nodules, r.Notes = r.Nodules[:1], nil
	r.Nodules[0].Scores = r.Nodules[0].Scores[:1]
	return encode(t, r)
}

func FuzzRead(f *testing.F) {
	f.Add(small(f))
	f.Fuzz(checkReport)
}

func FuzzText(f *testing.F) {
	f.Add("ISO 2022 IR 87", []byte("Yamada^Tarou=\x1b$B;3ED\x1b(B^"))
	f.Add("ISO_IR 100", []byte("\xe9"))
	f.Fuzz(func(t *testing.T, set string, b []byte) {
		if text := codec.DecodeText([]string{set}, b); len(text) > 8*len(b)+8 {
			t.Fatalf("%d bytes become %d", len(b), len(text))
		}
	})
}

// TestEveryCutAndByte: every prefix of a report, and every byte of it set to
// other values.
func TestEveryCutAndByte(t *testing.T) {
	whole := small(t)
	if _, err := Read(bytes.NewReader(whole)); err != nil {
		t.Fatalf("the report is not read: %v", err)
	}
	for n := range whole {
		if d, err := Read(bytes.NewReader(whole[:n])); err == nil && len(d.Root.Children) > 0 {
			t.Fatalf("the first %d of %d bytes are taken for a report", n, len(whole))
		}
	}
	for i := 128; i < len(whole); i++ {
		for _, v := range []byte{0, 1, 0x7F, 0xFF, whole[i] ^ 0x20} {
			b := bytes.Clone(whole)
			b[i] = v
			checkReport(t, b)
		}
	}
}

// TestHostileReport: nesting and counts that ask for too much are refused, not
// followed.
func TestHostileReport(t *testing.T) {
	head := append(make([]byte, 128), "DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00\x08\x00\x16\x00UI\x1e\x001.2.840.10008.5.1.4.1.1.88.34\x00"...)
	head = head[:len(head)-1]
	head = append(head, 0)
	nested := bytes.Clone(head)
	for range 300_000 {
		nested = append(nested, "\x40\x00\x30\xA7SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"...)
	}
	many := append(bytes.Clone(head), bytes.Repeat([]byte("\x08\x00\x18\x00UI\x00\x00"), maxElements+1)...)
	huge := append(bytes.Clone(head), "\x40\x00\x60\xA1UT\x00\x00\xfe\xff\xff\xff"...)
	for name, c := range map[string]struct {
		b    []byte
		want dicomio.Code
	}{"nested": {nested, dicomio.CodeLimit}, "many": {many, dicomio.CodeLimit}, "4 GiB": {huge, dicomio.CodeTruncated}} {
		if _, err := Read(bytes.NewReader(c.b)); dicomio.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
	if binary.LittleEndian.Uint16(head[144:]) == 0 {
		t.Error("the head has no syntax")
	}
}

// TestEverySyntaxOfAReport: what DCMTK makes of a report reads as the report,
// with sequences of defined and of undefined length.
func TestEverySyntaxOfAReport(t *testing.T) {
	if _, err := exec.LookPath("dcmconv"); err != nil {
		t.Skip("no dcmconv here")
	}
	s := seriestest.Named(t)
	name := writeFile(t, encode(t, testReport(t, s)))
	want, err := Read(bytes.NewReader(encode(t, testReport(t, s))))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"+ti"}, {"+ti", "-e"}, {"+te", "-e"}, {"+tb"}, {"+tb", "-e"}, {"+td"}} {
		to := filepath.Join(t.TempDir(), "report.dcm")
		if out, err := exec.Command("dcmconv", append(args, name, to)...).CombinedOutput(); err != nil {
			t.Fatalf("dcmconv %v: %v\n%s", args, err, out)
		}
		f, err := os.Open(to)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(f)
		f.Close()
		if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Item{})); err != nil || d != "" {
			t.Errorf("%v: %v, %s", args, err, d)
		}
	}
}
