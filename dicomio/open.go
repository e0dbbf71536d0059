package dicomio

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// Open reads the headers of every file below dir and returns the CT volumes
// found, one per series, ordered by SeriesInstanceUID. Files that are not
// DICOM, images of other modalities and localizers are left out; of what a
// DICOMDIR lists it tells what is not there. dir may be an archive or a DICOMDIR,
// which stands for its folder. Images that cannot be used become warnings of their series; where the
// series of a broken file is not known, every series carries the warning.
//
// Open fails only where no volume is left, with the reason: CodeFolderMissing,
// CodeFolderEmpty, CodeNotCT, CodeLimit, or that of the files that were
// refused.
func Open(ctx context.Context, dir string, opts Options) ([]*Series, error) {
	c, err := newCatalog(ctx, dir, opts)
	if err != nil {
		return nil, err
	}
	if len(c.volumes) == 0 {
		return nil, c.nothing()
	}
	return c.volumes, nil
}

// OpenSeries opens the folder dir and returns the series that is named. With
// an empty seriesUID the folder must hold exactly one CT series.
//
// Beside the errors of Open: CodeSeriesNotFound, CodeSeriesAmbiguous,
// CodeNotCT where the series that is named is of another modality, and the
// reason where no volume can be built of it.
func OpenSeries(ctx context.Context, dir, seriesUID string, opts Options) (*Series, error) {
	c, err := newCatalog(ctx, dir, opts)
	if err != nil {
		return nil, err
	}
	if seriesUID != "" {
		return c.named(seriesUID)
	}
	// A scout, a bolus monitor or what a DICOMDIR alone has beside the scan is no
	// second candidate; a series that is broken might be the one that was meant.
	rivals := len(c.volumes)
	for _, e := range c.refused {
		if e.Code != CodeTooFewSlices && e.Code != CodeNotCT && e.Code != CodeFileMissing {
			rivals++
		}
	}
	switch {
	case len(c.volumes) == 0:
		return nil, c.nothing()
	case rivals > 1:
		return nil, &Error{Code: CodeSeriesAmbiguous, Op: "open series", Path: dir, Hint: fmt.Sprintf("the folder holds %d CT series; name one by its SeriesInstanceUID", rivals)}
	}
	return c.volumes[0], nil
}

// catalog is what a folder holds.
type catalog struct {
	dir     string
	opts    Options
	volumes []*Series
	refused map[string]*Error   // SeriesInstanceUID to the reason that no volume came of it
	missing map[string][]*Error // SeriesInstanceUID to the images that a DICOMDIR lists and that are not there
	stray   []*Error            // files whose series is not known
	ignored int                 // files that are not DICOM
	leftOut kinds               // images that are no slices of a CT
}

func newCatalog(ctx context.Context, dir string, opts Options) (*catalog, error) {
	opts = opts.withDefaults()
	files, changed, err := listFiles(ctx, dir, opts.MaxFiles)
	listedOnly := false
	if CodeOf(err) == CodeLimit {
		if list := listedFiles(ctx, dir, opts); list != nil {
			files, err, listedOnly = list, ctx.Err(), true
		}
	}
	if err != nil {
		return nil, err
	}
	all, err := scanFiles(ctx, files, opts)
	if err != nil {
		return nil, err
	}
	c := &catalog{dir: dir, opts: opts, refused: map[string]*Error{}, missing: map[string][]*Error{}}
	if err := c.useIndexes(ctx, all); err != nil {
		return nil, err
	}
	repeated, err := refuseRepeated(ctx, all)
	if err != nil {
		return nil, err
	}
	c.sortOut(all, repeated)
	for _, s := range c.volumes {
		s.FolderModified = changed
		if listedOnly {
			s.warn(CodeLimit, "the folder holds more than %d files; those that its DICOMDIR lists as CT were read, and no others", opts.MaxFiles)
		}
	}
	return c, nil
}

// sortOut groups the files by series and builds a volume of each that is not
// refused already.
func (c *catalog) sortOut(all []scanned, unusable map[string]*Error) {
	images := map[string][]*header{}
	broken := map[string][]*Error{}
	modified := map[string]time.Time{} // "": of files whose series is not known
	leftOut := map[string]kinds{}
	c.leftOut = kinds{}
	var blank []scanned
	named := map[string]bool{} // how images are named
	for _, f := range all {
		uid := ""
		if len(f.images) > 0 {
			uid = f.images[0].seriesUID
		}
		if f.modified.After(modified[uid]) && !errors.Is(f.err, errNotDICOM) {
			modified[uid] = f.modified
		}
		var e *Error
		refused := errors.As(f.err, &e)
		scan := f.images
		if f.err == nil {
			scan = slices.DeleteFunc(slices.Clone(scan), (*header).isLocalizer)
		}
		for _, h := range f.images {
			if f.err == nil && h.isLocalizer() || refused && e.Code == CodeNotCT {
				if leftOut[uid] == nil {
					leftOut[uid] = kinds{}
				}
				leftOut[uid][h.kind()]++
				c.leftOut[h.kind()]++
			}
		}
		switch {
		case refused && uid == "":
			c.stray = append(c.stray, e)
		case refused:
			broken[uid] = append(broken[uid], e)
		case f.err != nil:
			c.ignored++
			if f.blank {
				blank = append(blank, f)
			}
		case len(scan) == 0:
			e := fileError(f.images[0].path, refuse(CodeNotCT, "the series holds only localizers; name the scan itself", nil))
			if c.refused[uid] == nil {
				c.refused[uid] = e
			}
		default:
			images[uid] = append(images[uid], scan...)
			named[naming(f.entry.path)] = true
		}
	}
	for _, f := range blank {
		if !named[naming(f.entry.path)] {
			continue // a mark of another program, say
		}
		c.ignored--
		c.stray = append(c.stray, fileError(f.entry.path, refuse(CodeTruncated, "the file is empty, or holds nothing but zeros: it is still being written, or was cut; fetch it again", nil)))
		if f.modified.After(modified[""]) {
			modified[""] = f.modified
		}
	}
	for uid, list := range images {
		if e := unusable[uid]; e != nil {
			c.refuseSeries(uid, list, e, broken[uid])
			continue
		}
		s, err := buildSeries(list, c.opts)
		if err != nil {
			c.refuseSeries(uid, list, err, broken[uid])
			continue
		}
		delete(c.refused, uid)
		s.workers, s.LeftOut = c.opts.Workers, leftOut[uid]
		s.tolerate(broken[uid])
		s.tolerate(c.stray)
		if n := len(c.missing[uid]); n > 0 {
			s.warn(CodeFileMissing, "not there: %s that the DICOMDIR lists; copy the medium again", count(n, "image"))
		}
		if s.Modified = modified[uid]; modified[""].After(s.Modified) {
			s.Modified = modified[""]
		}
		c.volumes = append(c.volumes, s)
	}
	for uid, list := range broken {
		if images[uid] == nil {
			c.refused[uid] = mostFrequent(list)
		}
	}
	for uid, list := range c.missing {
		if images[uid] == nil && c.refused[uid] == nil {
			hint := fmt.Sprintf("not there: %s that the DICOMDIR lists, which is all of the series; copy the medium again", count(len(list), "image"))
			c.refused[uid] = &Error{Code: CodeFileMissing, Op: "open series", Path: c.dir, Hint: hint}
		}
	}
	sort.Slice(c.volumes, func(i, j int) bool { return c.volumes[i].SeriesUID < c.volumes[j].SeriesUID })
}

// naming is what files of one scan have in common: their folder, their extension,
// but for that of a copy in progress, and whether they are numbered.
func naming(path string) string {
	name := filepath.Base(path)
	for _, e := range []string{".part", ".partial", ".filepart", ".tmp"} {
		name = strings.TrimSuffix(name, e)
	}
	ext := filepath.Ext(name)
	if strings.Trim(ext, ".0123456789") == "" {
		ext = "" // of a UID
	}
	return fmt.Sprintf("%s|%s|%t", filepath.Dir(path), strings.ToLower(ext), strings.ContainsAny(strings.TrimSuffix(name, ext), "0123456789"))
}

// refuseSeries notes why a series gave no volume: where broken files left too
// few slices, they are the reason.
func (c *catalog) refuseSeries(uid string, list []*header, err error, broken []*Error) {
	e := asError(err, CodeUnreadable, "no volume can be built")
	e.Path = c.dir
	if e.Code == CodeTooFewSlices && len(broken) > 0 && len(broken) >= len(list) {
		e = mostFrequent(broken)
	}
	if e.Code == CodeTooFewSlices && len(c.missing[uid]) > 0 {
		e = c.missing[uid][0]
	}
	c.refused[uid] = e
}

// named returns one series, or why it is not there.
func (c *catalog) named(uid string) (*Series, error) {
	for _, s := range c.volumes {
		if s.SeriesUID == uid {
			return s, nil
		}
	}
	if e := c.refused[uid]; e != nil {
		return nil, e
	}
	if len(c.volumes)+len(c.refused)+len(c.stray) == 0 {
		return nil, c.nothing()
	}
	return nil, &Error{Code: CodeSeriesNotFound, Op: "open series", Path: c.dir, Hint: fmt.Sprintf("the folder holds %d usable CT series, but not the one named; check the SeriesInstanceUID", len(c.volumes))}
}

// nothing says why there is no volume at all. Broken CT weighs more than
// images of another modality.
func (c *catalog) nothing() error {
	uids := make([]string, 0, len(c.refused))
	for uid := range c.refused {
		uids = append(uids, uid)
	}
	sort.Strings(uids)
	var other *Error
	for _, uid := range uids {
		e := c.refused[uid]
		if e.Code != CodeNotCT {
			return e
		}
		if other == nil {
			other = &Error{Code: CodeNotCT, Op: "open folder", Path: c.dir, Hint: fmt.Sprintf("the folder holds DICOM files, but no CT series (%s)", c.leftOut), Err: e}
		}
	}
	var broken []*Error
	for _, e := range c.stray {
		switch {
		case e.Code == CodeIndex: // the files were read without it
		case e.Code != CodeNotCT:
			broken = append(broken, e)
		case other == nil:
			other = e
		}
	}
	switch {
	case len(broken) > 0:
		return mostFrequent(broken)
	case other != nil:
		return other
	case len(c.stray) > 0:
		return c.stray[0]
	}
	return &Error{Code: CodeFolderEmpty, Op: "open folder", Path: c.dir, Hint: fmt.Sprintf("the folder holds no DICOM image (%d other files); name the folder of a CT series", c.ignored)}
}

// tolerate turns refused files into warnings, one a code.
func (s *Series) tolerate(files []*Error) {
	number := map[Code]int{}
	hint := map[Code]string{}
	for _, e := range files {
		if e.Code == CodeNotCT {
			continue
		}
		number[e.Code]++
		if hint[e.Code] == "" {
			hint[e.Code] = e.Hint
		}
	}
	codes := make([]Code, 0, len(number))
	for code := range number {
		codes = append(codes, code)
	}
	sort.Slice(codes, func(i, j int) bool { return codes[i] < codes[j] })
	for _, code := range codes {
		s.warn(code, "%s left out: %s", count(number[code], "file"), hint[code])
	}
}

// mostFrequent returns the first error of the code that most files share.
func mostFrequent(list []*Error) *Error {
	count := map[Code]int{}
	for _, e := range list {
		count[e.Code]++
	}
	best := list[0]
	for _, e := range list[1:] {
		if count[e.Code] > count[best.Code] {
			best = e
		}
	}
	return best
}
