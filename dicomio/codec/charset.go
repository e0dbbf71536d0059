package codec

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charsets are the values of SpecificCharacterSet (PS3.3 C.12.1.1.2) without
// their prefix. UTF-8 and ASCII need no decoder.
var charsets = map[string]encoding.Encoding{
	"IR 100": charmap.ISO8859_1, "IR 101": charmap.ISO8859_2, "IR 109": charmap.ISO8859_3, "IR 110": charmap.ISO8859_4,
	"IR 126": charmap.ISO8859_7, "IR 127": charmap.ISO8859_6, "IR 138": charmap.ISO8859_8, "IR 144": charmap.ISO8859_5,
	"IR 148": charmap.ISO8859_9, "IR 166": charmap.Windows874, "IR 203": charmap.ISO8859_15, "IR 13": japanese.ShiftJIS,
	"IR 149": korean.EUCKR, "IR 58": simplifiedchinese.GBK, "GB18030": simplifiedchinese.GB18030, "GBK": simplifiedchinese.GBK,
}

// escapes are the code extensions that follow an escape character (PS3.3
// C.12.1.1.2, defined terms of ISO 2022).
var escapes = []struct {
	sequence string
	set      encoding.Encoding
	prefix   string // that the decoder wants to see
}{
	{"(B", nil, ""}, {"(J", nil, ""}, {")I", japanese.ShiftJIS, ""},
	{"$B", japanese.ISO2022JP, "\x1b$B"}, {"$(D", japanese.ISO2022JP, "\x1b$(D"},
	{"$)C", korean.EUCKR, ""}, {"$)A", simplifiedchinese.GBK, ""},
	{"-A", charmap.ISO8859_1, ""}, {"-B", charmap.ISO8859_2, ""}, {"-C", charmap.ISO8859_3, ""}, {"-D", charmap.ISO8859_4, ""},
	{"-F", charmap.ISO8859_7, ""}, {"-G", charmap.ISO8859_6, ""}, {"-H", charmap.ISO8859_8, ""}, {"-L", charmap.ISO8859_5, ""},
	{"-M", charmap.ISO8859_9, ""}, {"-T", charmap.Windows874, ""}, {"-b", charmap.ISO8859_15, ""},
}

// DecodeText turns a text value into UTF-8; names are the values of
// SpecificCharacterSet. Where the character set is not
// known, or the bytes are none of it, a question mark stands for them.
func DecodeText(names []string, b []byte) string {
	first := charsetOf(names)
	if !bytes.ContainsRune(b, 0x1b) {
		return convert(first, "", b)
	}
	var out strings.Builder
	set, prefix := first, ""
	for len(b) > 0 {
		if b[0] == 0x1b {
			known := false
			for _, e := range escapes {
				if rest, ok := bytes.CutPrefix(b[1:], []byte(e.sequence)); ok {
					set, prefix, b, known = e.set, e.prefix, rest, true
					break
				}
			}
			if !known {
				b = b[1:]
			}
			continue
		}
		// An extension ends where a component, a group, a value or a line does
		// (PS3.5 section 6.1.2.5.3); a two-byte set in G0 has no such bytes of its
		// own, since it goes back to ASCII before them.
		end := len(b)
		if i := bytes.IndexByte(b, 0x1b); i >= 0 {
			end = i
		}
		stop := -1
		if prefix == "" {
			stop = bytes.IndexAny(b[:end], "^=\\\r\n\t\f")
		}
		if stop >= 0 {
			out.WriteString(convert(set, prefix, b[:stop]))
			out.WriteByte(b[stop])
			set, prefix, b = first, "", b[stop+1:]
			continue
		}
		out.WriteString(convert(set, prefix, b[:end]))
		b = b[end:]
	}
	return out.String()
}

func charsetOf(names []string) encoding.Encoding {
	if len(names) == 0 {
		return nil
	}
	name := strings.TrimSpace(names[0])
	name = strings.TrimPrefix(strings.TrimPrefix(name, "ISO 2022 "), "ISO_")
	return charsets[name]
}

func convert(set encoding.Encoding, prefix string, b []byte) string {
	if set == nil {
		return strings.ToValidUTF8(string(b), "?")
	}
	text, err := set.NewDecoder().Bytes(append([]byte(prefix), b...))
	if err != nil {
		return strings.ToValidUTF8(string(b), "?")
	}
	return strings.ReplaceAll(string(text), "\uFFFD", "?")
}
