package dataset

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// maxFiles bounds the files below one folder.
const maxFiles = 100_000

// scan is a series, or why there is none.
type scan struct {
	name   string // pseudonym
	series *dicomio.Series
	who    *person
	code   coded.Code // empty: it can be used

	manufacturer, kernel string
	thicknessMM          float64 // 0: not told
}

// open opens the series that results name: by UID, with their studies.
func (o *opener) open(ctx context.Context, wanted map[string]string) (map[string]*scan, error) {
	scans := map[string]*scan{}
	for uid := range wanted {
		scans[uid] = &scan{name: o.key.name("series", uid), code: dicomio.CodeSeriesNotFound}
	}
	for i, dir := range o.folders {
		o.progress("searching folders", i, len(o.folders))
		if err := o.search(ctx, dir, scans); err != nil {
			return nil, err
		}
	}
	uids := slices.Sorted(maps.Keys(wanted))
	for i, uid := range uids {
		o.progress("opening series", i, len(uids))
		s := scans[uid]
		if s.code == dicomio.CodeSeriesNotFound {
			if err := o.ask(ctx, wanted[uid], uid, s); err != nil {
				return nil, err
			}
		}
		if s.series == nil {
			continue
		}
		h, err := sr.HeaderOf(ctx, s.series)
		if err != nil {
			if broken(ctx, err) {
				return nil, err
			}
			s.code, s.series = codeOf(err), nil
			continue
		}
		s.take(o.people.of(h))
	}
	for _, s := range scans { // known when all were seen
		if s.who != nil && s.who.conflict {
			s.code = CodePatientConflict
		}
	}
	return scans, nil
}

// opener finds series.
type opener struct {
	key      Key
	folders  []string
	reader   series.Reader
	people   people
	progress func(stage string, done, total int)
}

// search looks for the series below a folder.
func (o *opener) search(ctx context.Context, dir string, scans map[string]*scan) error {
	found, err := dicomio.Look(ctx, dir, dicomio.Options{MaxFiles: maxFiles, Kernels: o.reader.Kernels})
	if err != nil {
		return err
	}
	for _, s := range found.Series {
		if at := scans[s.SeriesUID]; at != nil && at.series == nil {
			at.series, at.code = s, ""
		}
	}
	for _, r := range found.Refused {
		if at := scans[r.SeriesUID]; at != nil && at.series == nil {
			at.code = r.Err.Code
		}
	}
	return nil
}

// ask looks for a series in the PACS of the settings.
func (o *opener) ask(ctx context.Context, study, uid string, s *scan) error {
	if o.reader.Archives == nil || study == "" {
		return nil
	}
	for _, base := range o.reader.Archives.URLs() {
		found, err := o.reader.Open(ctx, series.Place{URI: series.ArchiveURI(base, study, uid), StudyUID: study, SeriesUID: uid})
		switch {
		case err == nil:
			s.series, s.code = found, ""
			return nil
		case broken(ctx, err):
			return err
		case codeOf(err) != dicomio.CodeNotStored:
			s.code = codeOf(err)
		}
	}
	return nil
}

// broken tells an error that is no fault of a series: what was left out because of
// it would be missing without a reason.
func broken(ctx context.Context, err error) bool {
	code := coded.CodeOf(err)
	return ctx.Err() != nil || code == storage.CodeSilent || dicomio.OfArchive(code) && code != dicomio.CodeNotStored || errors.Is(err, dicomio.ErrChanged)
}

func codeOf(err error) coded.Code {
	if code := coded.CodeOf(err); code != "" {
		return code
	}
	return coded.Internal
}

// take notes what the card tells of a series.
func (s *scan) take(who *person) {
	if s.who = who; who == nil {
		s.code = CodePatientUnknown
		return
	}
	s.manufacturer = printable(s.series.Manufacturer)
	for _, v := range s.series.Volumes {
		if v.Why == "" { // the one that was taken
			s.kernel, s.thicknessMM = printable(v.Kernel), v.ThicknessMM
		}
	}
}

// printable is a text of a header as far as a table bears it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != '|' {
			return r
		}
		return -1
	}, strings.TrimSpace(s))
	if runes := []rune(s); len(runes) > 48 {
		s = string(runes[:48])
	}
	return s
}

// frame is where positions of the series hold.
func (s *scan) frame() string {
	if uid := s.series.FrameOfReferenceUID; uid != "" {
		return uid
	}
	return s.series.SeriesUID
}
