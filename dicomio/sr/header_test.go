package sr

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

func logTo(w io.Writer, h Header) {
	slog.New(slog.NewTextHandler(w, nil)).Info("a header", "header", h, "address", &h)
}

// TestHeaderOfEverySyntax reads the same patient from every transfer syntax.
func TestHeaderOfEverySyntax(t *testing.T) {
	for _, syntax := range []string{dicomtest.Implicit, dicomtest.Explicit, dicomtest.BigEndian, dicomtest.Deflated, dicomtest.RLE} {
		b, err := dicomtest.Encode(dicomtest.Spec{Syntax: syntax, Edit: func(_ int, set dicomtest.Elements) {
			set.Set(0x00080005, "CS", "ISO_IR 100")
			set.Set(0x00100010, "PN", "M\xfcller^J\xf6rg")
			set.Set(0x00100030, "DA", "1950.01.02")
			set.Set(0x00080030, "TM", "12:30:05.1234567")
			set.Set(0x00120063, "LO", `one\two`)
			set.Set(0x00080201, "SH", "nowhere")
		}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(bytes.NewReader(b))
		if err != nil || h.PatientName != "Müller^Jörg" || h.PatientBirthDate != "19500102" || h.StudyTime != "123005.123456" ||
			len(h.DeidentificationNotes) != 2 || h.TimezoneOffset != "" {
			t.Errorf("%s: %v, %q %q %q", syntax, err, h.PatientName, h.PatientBirthDate, h.StudyTime)
		}
	}
	for name, b := range map[string][]byte{"empty": nil, "text": bytes.Repeat([]byte("text "), 100)} {
		if _, err := ReadHeader(bytes.NewReader(b)); dicomio.CodeOf(err) != dicomio.CodeUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCharacterSets: names as pydicom's own examples and PS3.5 annexes H, I, J
// and K write them.
func TestCharacterSets(t *testing.T) {
	for _, c := range []struct {
		sets  []string
		bytes string
		want  string
	}{
		{nil, "Doe^Jane", "Doe^Jane"},
		{nil, "M\xfcller", "M?ller"},
		{[]string{"ISO_IR 100"}, "Buc^J\xe9r\xf4me", "Buc^Jérôme"},
		{[]string{"ISO_IR 144"}, "\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг"},
		{[]string{"ISO_IR 126"}, "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
		{[]string{"ISO_IR 192"}, "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东"},
		{[]string{"GB18030"}, "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"},
		{[]string{"", "ISO 2022 IR 87"}, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"},
		{[]string{"ISO_IR 13", "ISO 2022 IR 87"}, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"},
		{[]string{"", "ISO 2022 IR 149"}, "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "Hong^Gildong=洪^吉洞=홍^길동"},
		{[]string{"ISO 2022 IR 100", "ISO 2022 IR 126"}, "\xe4\x1b-F\xc4^\xe4", "äΔ^ä"},
		{[]string{"unheard of"}, "a\xe4\x1bxyz", "a?xyz"},
	} {
		if got := codec.DecodeText(c.sets, []byte(c.bytes)); got != c.want {
			t.Errorf("%q: %q, want %q", c.sets, got, c.want)
		}
	}
}
