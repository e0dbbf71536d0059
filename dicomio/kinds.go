package dicomio

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// classes names what is no CT image, by the start of its SOP class UID behind
// 1.2.840.10008.5.1.4.1.1. (PS3.4 table B.5-1); the first that fits.
var classes = []struct{ prefix, name string }{
	{"7", "secondary capture"},
	{"88.", "structured report"},
	{"104.", "encapsulated document"},
	{"11.", "presentation state"},
	{"66.4", "segmentation"},
	{"66", "registration or raw data"},
	{"481.3", "RT structure set"},
	{"481.", "radiotherapy object"},
	{"4", "MR image"},
	{"128", "PET image"},
	{"20", "nuclear medicine image"},
	{"6.", "ultrasound image"},
	{"3.", "ultrasound image"},
	{"1.", "radiograph"},
	{"12.", "X-ray angiogram"},
}

const localizer = "localizer"

// kind names what an image is that is no slice of a CT: of its class, else of its
// modality.
func (h *header) kind() string {
	if h.isLocalizer() && (h.sopClass == classCT || enhanced(h.sopClass)) {
		return localizer
	}
	if class, ok := strings.CutPrefix(h.sopClass, "1.2.840.10008.5.1.4.1.1."); ok {
		for _, c := range classes {
			if rest, ok := strings.CutPrefix(class, c.prefix); ok && (rest == "" || rest[0] == '.' || strings.HasSuffix(c.prefix, ".")) {
				return c.name
			}
		}
	}
	if m := plainText(h.modality); m != "" && len(m) <= 16 {
		return "object of modality " + m
	}
	return "object of another kind"
}

// notCT is the refusal of an image that is no slice of a CT.
func (h *header) notCT() *Error {
	return refuse(CodeNotCT, fmt.Sprintf("not a CT image but a kind that is left out (%s); name a CT series", h.kind()), nil)
}

// kinds counts what was left out, by its name.
type kinds map[string]int

// String lists them by name.
func (k kinds) String() string {
	words := make([]string, 0, len(k))
	for _, name := range slices.Sorted(maps.Keys(k)) {
		words = append(words, count(k[name], name))
	}
	return strings.Join(words, ", ")
}
