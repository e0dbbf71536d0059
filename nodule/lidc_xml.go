package nodule

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nodulescope/nodulescope/internal/uidnames"
)

// Limits of XML. A file of LIDC-IDRI has some 0.4 MB and 14,000
// elements, which lie five deep in each other.
const (
	maxXMLBytes    = 8 << 20
	maxXMLElements = 500_000
	maxXMLDepth    = 64
	maxXMLToken    = 256 << 10 // of one tag, or of text without a tag in it
)

var (
	errXMLDepth = fmt.Errorf("elements lie more than %d deep in each other", maxXMLDepth)
	errXMLMany  = fmt.Errorf("there are more than %d elements", maxXMLElements)
	errXMLToken = fmt.Errorf("a tag or a text has more than %d KiB", maxXMLToken>>10)
	errXMLSize  = badFileCause(ErrNotCandidates, "XML larger than the limit of %d MiB", maxXMLBytes>>20)
	errXMLCode  = errors.New("unknown encoding")
)

// xmlText reads XML within the limits.
type xmlText struct {
	*xml.Decoder // checks that elements end as they begin, and decodes them

	tokens *xml.Decoder // reads tags
	text   *bytes.Reader
	left   int // bytes that the tag or text may go on for

	depth, elements int
}

// newXML reads what [ReadCandidates] has turned into UTF-8, whatever the file
// says of its single-byte characters.
func newXML(text []byte) *xmlText {
	x := &xmlText{text: bytes.NewReader(text)}
	x.tokens = xml.NewDecoder(xmlBytes{x})
	x.tokens.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		charset = strings.ToLower(charset)
		for _, known := range [...]string{"iso-8859-", "iso8859-", "latin", "l1", "windows-125", "cp125", "us-ascii", "ascii"} {
			if strings.HasPrefix(charset, known) {
				return r, nil
			}
		}
		return nil, errXMLCode
	}
	x.Decoder = xml.NewTokenDecoder(xmlTokens{x})
	return x
}

// xmlTokens are the tags and texts of a file.
type xmlTokens struct{ x *xmlText }

func (t xmlTokens) Token() (xml.Token, error) {
	x := t.x
	x.left = maxXMLToken
	token, err := x.tokens.RawToken()
	if err != nil {
		return nil, err
	}
	switch token.(type) {
	case xml.StartElement:
		x.elements++
		x.depth++
		switch {
		case x.depth > maxXMLDepth:
			return nil, errXMLDepth
		case x.elements > maxXMLElements:
			return nil, errXMLMany
		}
	case xml.EndElement:
		x.depth--
	}
	return token, nil
}

// xmlBytes are the bytes of a file, as long as a tag or text may be.
type xmlBytes struct{ x *xmlText }

func (b xmlBytes) ReadByte() (byte, error) {
	if b.x.left--; b.x.left < 0 {
		return 0, errXMLToken
	}
	return b.x.text.ReadByte()
}

func (b xmlBytes) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// cause names the line of an error and keeps values out of the message.
func (x *xmlText) cause(err error) error {
	for _, known := range [...]error{errXMLDepth, errXMLMany, errXMLToken, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	line, _ := x.tokens.InputPos()
	var s *xml.SyntaxError
	if errors.As(err, &s) {
		return fmt.Errorf("line %d: %s", line, s.Msg)
	}
	return errors.New("a value has the wrong type or an unknown encoding")
}

// readLIDCHead reads what stands before the readers' marks: study and series.
func readLIDCHead(text []byte) (*CandidateFile, error) {
	if len(text) > maxXMLBytes {
		return nil, errXMLSize
	}
	f := &CandidateFile{Kind: KindLIDC, text: text}
	root := false
	x := newXML(text)
	broken := func(err error) error {
		if err = x.cause(err); !root {
			err = fmt.Errorf("%w: %w", ErrNotCandidates, err)
		}
		return badFileCause(err, "not well-formed XML")
	}
	for {
		tok, err := x.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, broken(err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		name := el.Name.Local
		if name == "LidcReadMessage" {
			root = true
		}
		if name == "readingSession" {
			break
		}
		what := uidnames.Of(name)
		if what == "" {
			continue
		}
		var uid string
		if err := x.DecodeElement(&uid, &el); err != nil {
			return nil, broken(err)
		}
		if uid = strings.TrimSpace(uid); uid == "" {
			continue
		}
		switch what {
		case uidnames.Study:
			f.StudyUID = uid
		case uidnames.Series:
			f.SeriesUIDs = []string{uid}
		case uidnames.Frame:
			f.FrameOfReferenceUID = uid
		}
	}
	if !root {
		return nil, badFileCause(ErrNotCandidates, "XML, but not of LIDC-IDRI (no LidcReadMessage)")
	}
	return f, nil
}
