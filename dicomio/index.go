package dicomio

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/storage"
)

// A DICOMDIR (PS3.3 F.3) lists the files of a medium as records that refer to each
// other by their place in it. What lies in the folder is read whether it is listed
// or not; the list tells what is missing.
const (
	maxIndexBytes    = 64 << 20
	maxIndexElements = 1 << 20
	maxFileIDParts   = 16 // the standard allows 8 of 8 characters
	maxFileIDPart    = 64
	maxUID           = 64 // PS3.5 section 9.1

	tagFirstRecord  = 0x00041200
	tagRecords      = 0x00041220
	tagNextRecord   = 0x00041400
	tagRecordInUse  = 0x00041410
	tagLowerRecord  = 0x00041420
	tagRecordType   = 0x00041430
	tagFileID       = 0x00041500
	tagFileInstance = 0x00041511
)

var indexElements = map[uint32]string{
	tagFirstRecord: "UL", tagRecords: "SQ", tagNextRecord: "UL", tagRecordInUse: "US", tagLowerRecord: "UL", tagRecordType: "CS",
	tagFileID: "CS", tagFileInstance: "UI", 0x00080060: "CS", 0x0020000E: "UI",
}

// errIndex tells a DICOMDIR, which is no image.
var errIndex = fmt.Errorf("%w but a DICOMDIR", errNotDICOM)

// listed is an image of a CT series as a DICOMDIR lists it.
type listed struct {
	seriesUID, sopUID string
	file              string // below the folder of the DICOMDIR, with slashes; "" where its name cannot be one
}

// readIndex lists the images of CT series in a DICOMDIR, most of them at most. An
// error has CodeIndex.
func readIndex(src codec.Source, most int) ([]listed, error) {
	unusable := func(hint string, err error) error {
		return refuse(CodeIndex, "the DICOMDIR "+hint+"; the files of the folder are read without it", err)
	}
	if src.Size() > maxIndexBytes {
		return nil, unusable("is larger than that of any medium", nil)
	}
	f, err := codec.Read(src, codec.Wanted{
		Elements: indexElements, Last: tagRecords, MaxValue: maxWanted, MaxTotal: maxIndexBytes / 4,
		MaxInflated: maxIndexBytes, MaxElements: maxIndexElements,
	})
	if err != nil {
		return nil, unusable("is corrupt or cut short", err)
	}
	records := f.Find(tagRecords)
	if records == nil {
		return nil, nil
	}
	first, _ := f.Integer(tagFirstRecord)
	list, err := byLinks(records, int64(first), most)
	if err == nil && len(list) == 0 { // some writers link nothing: what follows a series is of it
		list, err = inOrder(records.Items, most)
	}
	switch {
	case errors.Is(err, errSeriesUID):
		return nil, unusable("names a series by what is no UID", err)
	case err != nil:
		return nil, unusable("has records that refer to no record, or to each other in a circle", err)
	case len(list) > most:
		return nil, unusable("lists more images than the limit", nil)
	}
	return list, nil
}

// errSeriesUID tells a SeriesInstanceUID that is longer than one may be.
var errSeriesUID = errors.New("the SeriesInstanceUID is too long")

// seriesOf is the UID of the series of a record; empty where it is no CT.
func seriesOf(r codec.Dataset) (uid string, err error) {
	uid = r.Text(0x0020000E)
	if modality := r.Text(0x00080060); modality != "CT" && modality != "" {
		return "", nil
	}
	if len(uid) > maxUID {
		return "", errSeriesUID
	}
	return strings.Clone(uid), nil
}

// byLinks follows the records from the first one, to the first image above most.
func byLinks(records *codec.Element, first int64, most int) (list []listed, err error) {
	at := make(map[int64]int, len(records.Starts))
	for i, start := range records.Starts {
		at[start] = i
	}
	type step struct {
		offset int64
		series string // that it is below
	}
	seen := make([]bool, len(records.Items))
	for todo := []step{{first, ""}}; len(todo) > 0 && len(list) <= most; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.offset == 0 {
			continue
		}
		i, ok := at[s.offset]
		if !ok || seen[i] {
			return nil, fmt.Errorf("a record at %d", s.offset)
		}
		seen[i] = true
		r := records.Items[i]
		next, _ := r.Integer(tagNextRecord)
		lower, _ := r.Integer(tagLowerRecord)
		todo = append(todo, step{int64(next), s.series})
		if used, ok := r.Integer(tagRecordInUse); ok && used == 0 {
			continue // taken out, with what is below it
		}
		series := s.series
		if r.Text(tagRecordType) == "SERIES" {
			if series, err = seriesOf(r); err != nil {
				return nil, err
			}
		}
		list = appendListed(list, series, r)
		todo = append(todo, step{int64(lower), series})
	}
	return list, nil
}

// inOrder takes the records as they come, to the first image above most.
func inOrder(records []codec.Dataset, most int) (list []listed, err error) {
	series := ""
	for _, r := range records {
		if len(list) > most {
			break
		}
		if used, ok := r.Integer(tagRecordInUse); ok && used == 0 {
			continue
		}
		switch r.Text(tagRecordType) {
		case "PATIENT", "STUDY":
			series = ""
		case "SERIES":
			if series, err = seriesOf(r); err != nil {
				return nil, err
			}
		}
		list = appendListed(list, series, r)
	}
	return list, nil
}

// appendListed adds a record that refers to a file of a CT series.
func appendListed(list []listed, series string, r codec.Dataset) []listed {
	if series == "" || r.Text(tagRecordType) != "IMAGE" {
		return list
	}
	return append(list, listed{series, r.Text(tagFileInstance), fileID(r.Texts(tagFileID))})
}

// fileID makes a path of the parts of a File ID, none of which leads elsewhere.
func fileID(parts []string) string {
	if len(parts) == 0 || len(parts) > maxFileIDParts {
		return ""
	}
	for i, p := range parts {
		p = strings.Trim(p, " \x00")
		if p == "" || p == "." || p == ".." || len(p) > maxFileIDPart || strings.ContainsFunc(p, func(r rune) bool {
			return r <= ' ' || r > '~' || strings.ContainsRune(`/\:*?"<>|`, r)
		}) {
			return ""
		}
		parts[i] = p
	}
	return path.Join(parts...)
}

// place is where a file lies, in an archive or not, in the way that names on a
// medium are compared: without case, version and the point behind a name
// (ISO 9660).
func (e entry) place() string {
	return placeOf(e.path, e.name)
}

func placeOf(file, name string) string {
	if name != "" {
		file += "!/" + path.Clean("/"+strings.ReplaceAll(name, `\`, "/"))
	}
	parts := strings.Split(strings.ToLower(filepath.ToSlash(file)), "/")
	for i, p := range parts {
		p, _, _ = strings.Cut(p, ";")
		parts[i] = strings.TrimSuffix(p, ".")
	}
	return strings.Join(parts, "/")
}

// below is where a file lies that a DICOMDIR lists.
func (e entry) below(file string) entry {
	if e.name != "" {
		e.name = path.Join(path.Dir(strings.ReplaceAll(e.name, `\`, "/")), file)
	} else {
		e.path = filepath.Join(filepath.Dir(e.path), filepath.FromSlash(file))
	}
	return e
}

// useIndexes compares the DICOMDIRs among the files with what is there.
func (c *catalog) useIndexes(ctx context.Context, all []scanned) error {
	var seen *present
	left := c.opts.MaxFiles
	for _, s := range all {
		if !s.index {
			continue
		}
		list, err := s.readIndex(ctx, left)
		if err != nil {
			if isSilent(ctx, err) {
				return err
			}
			c.stray = append(c.stray, fileError(s.entry.String(), asError(err, CodeIndex, "the DICOMDIR cannot be read; the files of the folder are read without it")))
			continue
		}
		left -= len(list)
		if seen == nil {
			seen = newPresent(all)
		}
		for _, l := range list {
			if at := s.entry.below(l.file); !seen.has(l, at) {
				e := fileError(at.String(), refuse(CodeFileMissing, "the DICOMDIR lists this image, and it is not there; copy the medium again", nil))
				c.missing[l.seriesUID] = append(c.missing[l.seriesUID], e)
			}
		}
	}
	return nil
}

func (s *scanned) readIndex(ctx context.Context, most int) ([]listed, error) {
	f, err := storage.Open(ctx, s.entry.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := s.entry.source(f, f.Size(), maxIndexBytes)
	if err != nil {
		return nil, err
	}
	list, err := readIndex(src, most)
	if silent := f.Silent(); silent != nil {
		return nil, silent
	}
	return list, err
}

// listedFiles are the DICOMDIR of a folder and the files there that it lists as
// CT, for a folder that holds more than can be read; nil where that fails.
func listedFiles(ctx context.Context, dir string, opts Options) []string {
	for _, name := range []string{"DICOMDIR", "dicomdir"} {
		s := scanned{entry: entry{path: filepath.Join(dir, name)}}
		list, err := s.readIndex(ctx, opts.MaxFiles-1)
		if err != nil || len(list) == 0 {
			continue
		}
		files := []string{s.entry.path}
		for _, l := range list {
			for _, file := range []string{l.file, strings.ToLower(l.file)} {
				path := s.entry.below(file).path
				info, err := storage.Stat(ctx, path)
				if isSilent(ctx, err) {
					return nil
				}
				if file != "" && err == nil && info.Mode().IsRegular() {
					files = append(files, path)
					break
				}
			}
		}
		return files
	}
	return nil
}

// present is what was found of images, by instance and by place.
type present struct {
	instances map[string]bool
	places    map[string]string // to the instance that is there, "" where that is not known
}

func newPresent(all []scanned) *present {
	p := &present{map[string]bool{}, map[string]string{}}
	for _, s := range all {
		var refused *Error
		switch {
		case len(s.images) > 0:
			p.instances[s.images[0].sopUID] = true
			p.places[s.entry.place()] = s.images[0].sopUID
		case errors.As(s.err, &refused):
			p.places[s.entry.place()] = "" // told already
		}
	}
	return p
}

// has tells whether a listed image is there, under whatever name, or at least a
// file in its place that may be it.
func (p *present) has(l listed, at entry) bool {
	if l.sopUID != "" && p.instances[l.sopUID] {
		return true
	}
	sopUID, ok := p.places[at.place()]
	return l.file != "" && ok && (sopUID == "" || l.sopUID == "")
}
