package codec

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// testImage is the image of testdata/streams.py.
func testImage(rows, cols, bits int) []int {
	px := make([]int, rows*cols)
	for i := range px {
		y, x := i/cols, i%cols
		v := (x*x*3 + y*77 + x*y*5 + (x*13^y*29)%37) % (1 << bits)
		switch {
		case y == 2:
			v = (1<<bits - 1) * (x & 1)
		case x < cols/3 && y > rows/4:
			v = 3
		}
		px[i] = v
	}
	return px
}

func testStream(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeJPEG2000 decodes a whole image.
func decodeJPEG2000(code, raw []byte, s Shape, lossy bool) error {
	j, err := openJPEG2000(code, s, lossy)
	if err != nil {
		return err
	}
	return j.decode(s.Bounds(), raw)
}

func lossless2000(code, raw []byte, s Shape) error { return decodeJPEG2000(code, raw, s, false) }

type decodeFunc func(code, raw []byte, s Shape) error

// streams are images that other programs have compressed.
var streams = []struct {
	name             string
	decode           decodeFunc
	rows, cols, bits int
	within           int
}{
	{"dct_8.jpg", decodeJPEGDCT, 13, 11, 8, 8},
	{"dct_12.jpg", decodeJPEGDCT, 16, 16, 12, 40},
	{"ls_8.jls", decodeJPEGLS, 13, 11, 8, 0},
	{"ls_12.jls", decodeJPEGLS, 16, 16, 12, 0},
	{"ls_16.jls", decodeJPEGLS, 13, 11, 16, 0},
	{"ls_12_near3.jls", decodeJPEGLS, 16, 16, 12, 3},
	{"j2k_8.j2k", lossless2000, 13, 11, 8, 0},
	{"j2k_12.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_16.j2k", lossless2000, 13, 11, 16, 0},
	{"j2k_styles.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_small.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_bypass.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_tiles_lrcp.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_tiles_rpcl.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_tiles_pcrl.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_layers.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_offset.j2k", lossless2000, 37, 45, 12, 0},
	{"j2k_97.j2k", lossless2000, 37, 45, 12, 60},
	{"j2k_ht_8.jph", lossless2000, 13, 11, 8, 0},
	{"j2k_ht_12.jph", lossless2000, 37, 45, 12, 0},
	{"j2k_ht_16.jph", lossless2000, 37, 45, 16, 0},
	{"j2k_ht_97.jph", lossless2000, 37, 45, 12, 10},
	{"j2k_ht_refined.jph", lossless2000, 37, 45, 12, 30},
	{"j2k_ht_sets.jph", lossless2000, 37, 45, 12, 0},
	{"j2k_ht_mixed.jph", lossless2000, 37, 45, 12, 0},
}

func TestStreams(t *testing.T) {
	for _, c := range streams {
		s := Shape{Rows: c.rows, Cols: c.cols, Allocated: 8 * ((c.bits + 7) / 8), Stored: c.bits}
		raw := make([]byte, s.Bytes())
		if err := c.decode(testStream(t, c.name), raw, s); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		checkImage(t, c.name, raw, testImage(c.rows, c.cols, c.bits), s, c.within)
	}
}

func checkImage(t *testing.T, name string, raw []byte, want []int, s Shape, within int) {
	t.Helper()
	for i, v := range want {
		got := int(raw[i*s.Allocated/8])
		if s.Allocated == 16 {
			got = int(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		if max(got-v, v-got) > within {
			t.Errorf("%s: pixel %d is %d, want %d", name, i, got, v)
			return
		}
	}
}

// TestStreamsDamaged: no stream that is cut or changed crashes a decoder or
// gives an error without a code, and a lossless one that is cut is never read as
// whole.
func TestStreamsDamaged(t *testing.T) {
	for _, c := range streams {
		s := Shape{Rows: c.rows, Cols: c.cols, Allocated: 8 * ((c.bits + 7) / 8), Stored: c.bits}
		raw, whole := make([]byte, s.Bytes()), testStream(t, c.name)
		end := bytes.LastIndex(whole, []byte{0xFF, 0xD9})
		for n := 0; n < len(whole); n += 1 + n/30 {
			err := c.decode(whole[:n], raw, s)
			if err == nil && n < end-1 || err != nil && coded.CodeOf(err) == "" {
				t.Errorf("%s cut to %d of %d bytes: %v", c.name, n, len(whole), err)
			}
			for _, v := range []byte{0, 1, 0x7F, 0xFF, whole[n] ^ 0x80} {
				b := bytes.Clone(whole)
				b[n] = v
				if err := c.decode(b, raw, s); err != nil && coded.CodeOf(err) == "" {
					t.Errorf("%s with byte %d set to %d: %v", c.name, n, v, err)
				}
			}
		}
	}
}

// restarted repeats a JPEG-LS image times times, with restart markers between.
func restarted(code []byte, times int) []byte {
	rows := int(code[7])<<8 | int(code[8]) // SOI, SOF of 11 bytes: first
	scan := bytes.Index(code, []byte{0xFF, 0xDA})
	body := code[scan+10 : bytes.LastIndex(code, []byte{0xFF, 0xD9})]
	out := bytes.Clone(code[:scan])
	binary.BigEndian.PutUint16(out[7:], uint16(rows*times))
	out = append(out, 0xFF, 0xDD, 0, 4, byte(rows>>8), byte(rows))
	out = append(out, code[scan:scan+10]...)
	for i := range times {
		if i > 0 {
			out = append(out, 0xFF, 0xD0+byte(i-1)%8)
		}
		out = append(out, body...)
	}
	return append(out, 0xFF, 0xD9)
}

func TestJPEGLSRestarts(t *testing.T) {
	for _, name := range []string{"ls_8.jls", "ls_16.jls"} {
		bits := 8
		if name == "ls_16.jls" {
			bits = 16
		}
		s := Shape{Rows: 13 * 10, Cols: 11, Allocated: bits, Stored: bits}
		raw := make([]byte, s.Bytes())
		code := restarted(testStream(t, name), 10)
		if err := decodeJPEGLS(code, raw, s); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			checkImage(t, name, raw[i*len(raw)/10:], testImage(13, 11, bits), s, 0)
		}
		code = bytes.Replace(code, []byte{0xFF, 0xD3}, []byte{0xFF, 0xDA}, 1)
		if err := decodeJPEGLS(code, raw, s); coded.CodeOf(err) != CodeUnreadable {
			t.Errorf("without a restart marker: %v", err)
		}
	}
}

// TestJPEGLSRefused: what JPEG-LS may hold besides is refused by name.
func TestJPEGLSRefused(t *testing.T) {
	whole := testStream(t, "ls_12.jls")
	s := Shape{Rows: 16, Cols: 16, Allocated: 16, Stored: 12}
	scan := bytes.Index(whole, []byte{0xFF, 0xDA})
	for name, c := range map[string]struct {
		at   int
		v    byte
		want coded.Code
	}{
		"three components": {11, 3, CodePixelFormat},
		"17 bits":          {6, 17, CodePixelFormat},
		"11 bits":          {6, 11, ""},
		"rows":             {8, 17, CodeSizeMismatch},
		"mapping table":    {scan + 6, 1, CodePixelFormat},
		"interleaved":      {scan + 8, 1, CodePixelFormat},
		"point transform":  {scan + 9, 1, CodePixelFormat},
		"near":             {scan + 7, 255, ""},
		"JPEG baseline":    {3, 0xC0, CodePixelFormat},
	} {
		b := bytes.Clone(whole)
		b[c.at] = c.v
		if err := decodeJPEGLS(b, make([]byte, s.Bytes()), s); coded.CodeOf(err) != c.want && c.want != "" {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		segment string
		want    coded.Code
	}{
		"mapping":        {"\xff\xf8\x00\x05\x02\x01\x01", CodePixelFormat},
		"oversize":       {"\xff\xf8\x00\x07\x04\x02\x00\x10\x00", CodePixelFormat},
		"no presets":     {"\xff\xf8\x00\x03\x01", CodeUnreadable},
		"too large":      {"\xff\xf8\x00\x0d\x01\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00", CodeUnreadable},
		"not in order":   {"\xff\xf8\x00\x0d\x01\x00\x00\x00\x09\x00\x08\x00\x00\x00\x00", CodeUnreadable},
		"without effect": {"\xff\xf8\x00\x0d\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", ""},
	} {
		b := bytes.Replace(whole, []byte{0xFF, 0xDA}, []byte(c.segment+"\xff\xda"), 1)
		if err := decodeJPEGLS(b, make([]byte, s.Bytes()), s); coded.CodeOf(err) != c.want {
			t.Errorf("presets, %s: %v, want code %q", name, err, c.want)
		}
	}
}

// TestLossyAsOpenJPEG: what is lossy is within 1 of what OpenJPEG makes of it.
func TestLossyAsOpenJPEG(t *testing.T) {
	if _, err := exec.LookPath("opj_decompress"); err != nil {
		t.Skip("no opj_decompress here")
	}
	for _, name := range []string{"j2k_97.j2k", "j2k_ht_97.jph", "j2k_ht_refined.jph"} {
		dir := t.TempDir()
		code := testStream(t, name)
		if err := os.WriteFile(filepath.Join(dir, "a.j2c"), code, 0o600); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "a.rawl")
		if b, err := exec.Command("opj_decompress", "-i", filepath.Join(dir, "a.j2c"), "-o", out).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		want, err := os.ReadFile(out)
		if err != nil || len(want) != 2*37*45 {
			t.Fatalf("%d bytes, %v", len(want), err)
		}
		s := Shape{Rows: 37, Cols: 45, Allocated: 16, Stored: 12}
		raw := make([]byte, s.Bytes())
		if err := decodeJPEG2000(code, raw, s, true); err != nil {
			t.Fatal(err)
		}
		px := make([]int, 37*45)
		for i := range px {
			px[i] = int(binary.LittleEndian.Uint16(want[2*i:]))
		}
		checkImage(t, name, raw, px, s, 1)
	}
}
