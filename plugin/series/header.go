package series

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/coded"
)

const (
	maxFilesTried  = 64     // for one of a series, before all headers are read
	maxKnownFiles  = 10_000 // whose place is remembered
	opHeader       = "read patient and study"
	hintNotInStore = "the PACS has no images of the series"
)

// ErrOtherSeries says that a file was replaced by one of another series.
var ErrOtherSeries = errors.New("the file is of another series")

// Headers reads patient and study of series. They are read every time, for
// they name a person; only the place of an image is remembered. It may be used
// from several goroutines.
type Headers struct {
	reader Reader

	mu    sync.Mutex
	known map[string]string // URI and series -> a file of the series, or in a PACS its SOPInstanceUID
}

// NewHeaders reads by the rules of a reader.
func NewHeaders(r Reader) *Headers { return &Headers{reader: r, known: map[string]string{}} }

// Read gives patient and study from one image of the series; p.SeriesUID is
// needed. Codes: those of [Reader.Open].
func (s *Headers) Read(ctx context.Context, p Place) (sr.Header, error) {
	at := func(path, seriesUID string) (sr.Header, error) { return s.readFile(ctx, path, seriesUID) }
	find := s.findFile
	if IsArchiveURI(p.URI) {
		client, study, series, err := s.reader.Archives.Client(p.URI)
		if err != nil {
			return sr.Header{}, err
		}
		at = func(instance, seriesUID string) (sr.Header, error) {
			return readInstance(ctx, client, study, series, instance, seriesUID)
		}
		find = func(ctx context.Context, p Place) (string, sr.Header, error) {
			return findInstance(ctx, client, study, series, p.SeriesUID)
		}
	}
	key := p.URI + "\x00" + p.SeriesUID
	s.mu.Lock()
	image := s.known[key]
	s.mu.Unlock()
	if image != "" {
		h, err := at(image, p.SeriesUID)
		if err == nil || coded.CodeOf(err) == storage.CodeSilent {
			return h, err
		}
	}
	image, h, err := find(ctx, p)
	if err != nil {
		return sr.Header{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnownFiles {
		clear(s.known)
	}
	s.known[key] = image
	return h, nil
}

// readFile reads a file that must be of the series and in an allowed folder.
func (s *Headers) readFile(ctx context.Context, path, seriesUID string) (sr.Header, error) {
	if roots := s.reader.Roots; len(roots) > 0 {
		inside, err := allowedFile(path, roots)
		if err == nil && !inside {
			err = coded.New(CodeURIForbidden, opHeader, linkHint, nil)
		}
		if err != nil {
			return sr.Header{}, err
		}
	}
	f, err := storage.Open(ctx, path)
	if err != nil {
		return sr.Header{}, err
	}
	defer f.Close()
	h, err := sr.ReadHeader(io.NewSectionReader(f, 0, f.Size()))
	if silent := f.Silent(); silent != nil {
		return sr.Header{}, silent
	}
	if err == nil && h.SeriesUID != seriesUID {
		err = ErrOtherSeries
	}
	return h, err
}

// findFile finds one file of a series: among the first of its folder, or by
// reading the headers of all.
func (s *Headers) findFile(ctx context.Context, p Place) (string, sr.Header, error) {
	dir, err := FolderOf(p.URI, s.reader.Roots)
	if err != nil {
		return "", sr.Header{}, err
	}
	var found string
	var header sr.Header
	tried := 0
	walked := storage.WalkDir(ctx, dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || !entry.Type().IsRegular():
			return nil
		case tried >= maxFilesTried:
			return fs.SkipAll
		}
		tried++
		h, err := s.readFile(ctx, path, p.SeriesUID)
		switch {
		case err == nil:
			found, header = path, h
			return fs.SkipAll
		case coded.CodeOf(err) == storage.CodeSilent:
			return err
		}
		return nil
	})
	if found != "" || ctx.Err() != nil || coded.CodeOf(walked) == storage.CodeSilent {
		return found, header, walked
	}
	whole, err := s.reader.Open(ctx, p)
	if err != nil {
		return "", sr.Header{}, err
	}
	header, err = sr.HeaderOf(ctx, whole) // it may be in an archive
	return whole.Slices[0].Path, header, err
}

// findInstance asks a PACS for one image of a series.
func findInstance(ctx context.Context, c *web.Client, study, series, seriesUID string) (string, sr.Header, error) {
	found, err := c.Instances(ctx, study, series, web.Query{Limit: 1})
	if err != nil {
		return "", sr.Header{}, err
	}
	if len(found) == 0 {
		return "", sr.Header{}, &dicomio.Error{Code: dicomio.CodeSeriesNotFound, Op: opHeader, Hint: hintNotInStore}
	}
	instance := found[0].Text(web.TagSOPInstanceUID)
	h, err := readInstance(ctx, c, study, series, instance, seriesUID)
	return instance, h, err
}

// readInstance reads an image of a PACS that must be of the series.
func readInstance(ctx context.Context, c *web.Client, study, series, instance, seriesUID string) (sr.Header, error) {
	file, err := c.Instance(ctx, study, series, instance)
	if err != nil {
		return sr.Header{}, err
	}
	h, err := sr.ReadHeader(bytes.NewReader(file))
	if err == nil && h.SeriesUID != seriesUID {
		err = ErrOtherSeries
	}
	return h, err
}
