package nodule

import (
	"github.com/nodulescope/nodulescope/dicomio"
)

// Named is what a candidate, or a file of them, says that it belongs to; empty
// where it does not say.
type Named struct{ StudyUID, SeriesUID, FrameOfReferenceUID string }

// Belongs refuses what names another series, study or frame of reference than
// that of a series, or one that the series does not name: with
// CodeCandidateElsewhere.
func (n Named) Belongs(s *dicomio.Series) error {
	switch what, none := n.differs(s); {
	case what == "":
		return nil
	case none:
		return elsewhere("place candidate", "a candidate names a "+what+", and the series has none")
	default:
		return elsewhere("place candidate", "a candidate of another "+what)
	}
}

// differs tells what is another one; none says that the series has none.
func (n Named) differs(s *dicomio.Series) (what string, none bool) {
	for _, pair := range []struct{ what, named, of string }{
		{"series", n.SeriesUID, s.SeriesUID},
		{"study", n.StudyUID, s.StudyUID},
		{"frame of reference", n.FrameOfReferenceUID, s.FrameOfReferenceUID},
	} {
		if pair.named != "" && pair.named != pair.of {
			return pair.what, pair.of == ""
		}
	}
	return "", false
}

// belongs refuses a file that names another study, series or frame of reference.
// A table may name many series, the image of a report is looked for by its UID,
// and contours of another series have a code of their own.
func (f *CandidateFile) belongs(s *dicomio.Series) error {
	if f.Kind != KindJSON && f.Kind != KindLIDC {
		return nil
	}
	if len(f.SeriesUIDs) > 0 && !f.Names(s.SeriesUID) {
		if f.Kind == KindLIDC { // told where the contours are read
			return nil
		}
		return elsewhereFile("series", false)
	}
	if what, none := (Named{StudyUID: f.StudyUID, FrameOfReferenceUID: f.FrameOfReferenceUID}).differs(s); what != "" {
		return elsewhereFile(what, none)
	}
	return nil
}

func elsewhereFile(what string, none bool) error {
	if none {
		return elsewhere("place candidates", "the file names a "+what+" and the images of the series name none, so that nobody can say whether the candidates belong to them; where you know that they do, leave it out of the file")
	}
	return elsewhere("place candidates", "the file names another "+what+" than that of the series; give the candidates of this series")
}

func elsewhere(op, hint string) error {
	return &Error{Code: CodeCandidateElsewhere, Op: op, Hint: hint}
}
