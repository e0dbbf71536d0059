package nodule

import (
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// concept is the value and the scheme of a code.
type concept [2]string

// Concepts by which reports of others are read.
var (
	conceptCentre           = concept{"111010", "DCM"}
	conceptComposite        = concept{"111015", "DCM"}
	conceptSingle           = concept{"111059", "DCM"} // single image finding
	conceptRendering        = concept{"111056", "DCM"} // rendering intent
	conceptHidden           = concept{"111152", "DCM"} // not for presentation
	conceptCertainty        = concept{"111012", "DCM"} // of finding
	conceptFeatureCertainty = concept{"111011", "DCM"}
	sitesBeforeSCT          = []concept{{"G-C0E3", "SRT"}, {"G-C0E3", "SNM3"}, {"G-C0E3", "99SDM"}}
	longAxes                = []concept{{"103339001", "SCT"}, {"G-A185", "SRT"}}
	shortAxes               = []concept{{"103340004", "SCT"}, {"G-A186", "SRT"}}
	diameters               = []concept{{"81827009", "SCT"}, {"M-02550", "SRT"}, {"M-02550", "SNM3"}}
	lengths                 = []concept{{"410668003", "SCT"}, {"G-D7FE", "SRT"}, {"G-A22A", "SRT"}}
	millimetresPer          = map[string]float64{"mm": 1, "cm": 10, "um": 1e-3, "m": 1000}
	noduleCodes             = []concept{
		{"27925004", "SCT"}, {"M-03010", "SRT"}, {"M-03010", "SNM3"}, {"M-03000", "SRT"}, {"4147007", "SCT"}, {"118538004", "SCT"},
		{"52988006", "SCT"}, {"108369006", "SCT"}, {"112001", "DCM"}, {"786838002", "SCT"}, {"427359005", "SCT"},
	}
	noduleWords = []string{"nodule", "mass", "lesion", "opacity", "tumor", "tumour", "neoplasm"}
	chestCodes  = []concept{{"39607008", "SCT"}, {"T-28000", "SRT"}, {"T-28000", "SNM3"}, {"51185008", "SCT"}, {"T-D3000", "SRT"}}
	chestWords  = []string{"lung", "pulmon", "chest", "thora", "pleur", "bronch", "lingula", "mediastin", "hilum", "hilar"}
	lobeWords   = []string{"upper lobe", "middle lobe", "lower lobe"}
)

func (c concept) is(code sr.Code) bool { return code.Value == c[0] && code.Scheme == c[1] }

func oneOf(code sr.Code, list []concept) bool {
	return slices.ContainsFunc(list, func(c concept) bool { return c.is(code) })
}

func mentions(code sr.Code, words []string) bool {
	text := strings.ToLower(code.Meaning)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// isNodule tells findings that a nodule detector may have marked; a finding
// without a code is taken for one.
func isNodule(c sr.Code) bool {
	return c.Value == "" || oneOf(c, noduleCodes) || mentions(c, noduleWords)
}

func isSite(name sr.Code) bool {
	return name.Same(sr.ConceptFindingSite) || oneOf(name, sitesBeforeSCT)
}

func inChest(c sr.Code) bool {
	return c.Value == "" || oneOf(c, chestCodes) || mentions(c, chestWords) || mentions(c, lobeWords)
}
