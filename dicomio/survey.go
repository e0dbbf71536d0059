package dicomio

import (
	"context"
	"maps"
	"slices"
	"sort"
)

// Survey is all that a folder holds: the series that can be read, and what
// cannot, with the reason.
type Survey struct {
	Series  []*Series // as Open returns them
	Refused []Refused // series of which no volume came, by UID
	Files   []*Error  // refused files whose series is not known, and those that a DICOMDIR lists and that are not there
	LeftOut string    // images that are no slices of a CT: how many of what, "" for none
	Others  int       // files that are not DICOM images
}

// Refused is a series that cannot be read.
type Refused struct {
	SeriesUID string
	Err       *Error
}

// Look surveys a folder. Only headers are read, by the rules of Open. It fails
// where the folder cannot be read, has too many files, or ctx ends; not where
// nothing in it can be used.
func Look(ctx context.Context, dir string, opts Options) (*Survey, error) {
	c, err := newCatalog(ctx, dir, opts)
	if err != nil {
		return nil, err
	}
	s := &Survey{Series: c.volumes, Files: c.stray, Others: c.ignored, LeftOut: c.leftOut.String()}
	for _, uid := range slices.Sorted(maps.Keys(c.missing)) {
		s.Files = append(s.Files, c.missing[uid]...)
	}
	for uid, e := range c.refused {
		s.Refused = append(s.Refused, Refused{uid, e})
	}
	sort.Slice(s.Refused, func(i, j int) bool { return s.Refused[i].SeriesUID < s.Refused[j].SeriesUID })
	return s, nil
}

// Syntaxes counts the slices of a series by the UID of their transfer syntax.
// That of a remote one is known when its pixels come: "".
func (s *Series) Syntaxes() map[string]int {
	n := map[string]int{}
	for _, sl := range s.Slices {
		if sl.file != nil {
			n[sl.file.format.syntax.UID]++
		}
	}
	return n
}

// Verdict is what the geometry of a series is worth: "warned" where something
// was tolerated, else "ok". What is refused is no series.
func (s *Series) Verdict() string {
	if len(s.Warnings) > 0 {
		return "warned"
	}
	return "ok"
}
