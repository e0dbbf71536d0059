package dicomio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// lossy is what was lost of the pixels of an image, once or several times
// (PS3.3 C.7.6.1.1.5).
type lossy struct {
	lost    bool
	ratio   float64  // of all times together; 0: not told
	methods []string // such as ISO_15444_1
}

// codeIsLossy is the method where only the code says that something was lost.
const codeIsLossy = "as the code says, not the header"

func (p parsed) lossy() (l lossy) {
	if p.Text(0x00282110) != "01" && !p.Syntax.Lossy() {
		return l
	}
	l.lost = true
	for _, m := range p.Texts(0x00282114) {
		if m = plainText(m); m != "" {
			l.methods = append(l.methods, m)
		}
	}
	if v, ok := p.numbers(0x00282112, len(p.Texts(0x00282112)), 1e6); ok && len(v) > 0 {
		l.ratio = 1
		for _, f := range v {
			l.ratio *= f
		}
	}
	return l
}

// readCode asks the code of an image whose header tells no loss.
func (h *header) readCode(src codec.Source) {
	if !h.lossy.lost && h.format.pixels.Lossy(src) {
		h.lossy = lossy{lost: true, methods: []string{codeIsLossy}}
	}
}

// warnLossy tells how the slices that are taken were compressed, where that was
// not lossless.
func (s *Series) warnLossy(images []*header) {
	n, low, high := 0, 0.0, 0.0
	var methods []string
	for _, h := range images {
		l := h.lossy
		if !l.lost {
			continue
		}
		n++
		for _, m := range l.methods {
			if !slices.Contains(methods, m) && len(methods) < 4 {
				methods = append(methods, m)
			}
		}
		if l.ratio > 0 {
			high = max(high, l.ratio)
			if low == 0 || l.ratio < low {
				low = l.ratio
			}
		}
	}
	if n == 0 {
		return
	}
	how := strings.Join(methods, ", ")
	if how == "" {
		how = "the method is not told"
	}
	switch {
	case high == 0:
		how += ", nor at which ratio"
	case high-low < 0.05*high:
		how += fmt.Sprintf(", %.1f : 1", high)
	default:
		how += fmt.Sprintf(", %.1f : 1 to %.1f : 1", low, high)
	}
	s.warn(CodeLossy, "%s compressed with loss (%s)", count(n, "slice"), how)
}
