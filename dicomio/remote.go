package dicomio

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/storage"
)

// Remote gives the images of a series that is stored elsewhere, such as in a
// PACS. Package web has one for DICOMweb.
type Remote interface {
	// Image returns the file (PS3.10) of one instance. It is called by several
	// goroutines at once. Its errors should be an *Error; what it returns is
	// not changed.
	Image(ctx context.Context, sopInstanceUID string) ([]byte, error)
}

// Attributes are elements of one image as text: tag (group<<16 | element) to
// values. Numbers are written as decimal strings are (PS3.5 section 6.2).
type Attributes map[uint32][]string

// NeedsAttribute tells whether a volume is built of an element. A source need
// not keep any other, and so holds no patient's data.
func NeedsAttribute(tag uint32) bool { return wanted[tag] != "" }

// Attribute is what Attributes should hold of an element: its values, or what
// stands for them where they would name the patient.
func Attribute(tag uint32, values []string) []string {
	if seal := sealed[tag]; seal != nil {
		return []string{string(seal([]byte(strings.Join(values, `\`))))}
	}
	return values
}

const (
	maxAttributeValues = 64
	maxAttributeBytes  = 1 << 10
)

// OpenRemote builds the volume of one series of the elements of its images,
// with the rules, warnings and codes of OpenSeries. Pixels are asked of remote
// when HU decodes the slices that are named, Options.Workers at a time: of
// RemoteFrames as frames, once an image came equal both ways. Where
// the elements of a CT image do not place it in a volume, its header is read
// from the image.
//
// An image that is not the one that was described (another position, matrix or
// spacing) is refused with CodeUnreadable when it is decoded. Errors of remote
// come back as they are.
func OpenRemote(ctx context.Context, images []Attributes, seriesUID string, remote Remote, opts Options) (*Series, error) {
	const op = "open series"
	opts = opts.withDefaults()
	if len(images) > opts.MaxFiles {
		return nil, &Error{Code: CodeLimit, Op: op, Hint: "the series has more images than the limit"}
	}
	remote = withFrames(remote)
	all := make([]scanned, len(images))
	err := forEach(ctx, opts.Workers, len(images), func(i int) error {
		all[i].images, all[i].err = remoteImages(ctx, images[i], remote, opts)
		return fatal(all[i].err)
	})
	if err != nil {
		return nil, err
	}
	c := &catalog{opts: opts, refused: map[string]*Error{}}
	repeated, err := refuseRepeated(ctx, all)
	if err != nil {
		return nil, err
	}
	c.sortOut(all, repeated)
	s, err := c.named(seriesUID)
	switch CodeOf(err) {
	case "":
	case CodeSeriesNotFound, CodeFolderEmpty:
		if len(c.stray) > 0 { // what cannot be read may have been it
			return nil, mostFrequent(c.stray)
		}
		return nil, &Error{Code: CodeSeriesNotFound, Op: op, Hint: "what is stored under the series holds no CT image of it; check the SeriesInstanceUID"}
	default:
		return nil, err
	}
	return s, nil
}

// fatal tells what ends the reading of a series at once from what is wrong
// with one image.
func fatal(err error) error {
	var e *Error
	if err == nil || errors.Is(err, errNotDICOM) || errors.As(err, &e) && !OfArchive(e.Code) {
		return nil
	}
	return err
}

// remoteImages makes the header of one image, and asks for the image itself
// where that needs it: of a multi-frame one always, for its functional groups are
// not among the attributes.
func remoteImages(ctx context.Context, a Attributes, remote Remote, opts Options) ([]*header, error) {
	p, err := a.parsed()
	if err != nil {
		return nil, err
	}
	h := p.identify()
	one := []*header{h}
	if err = h.describe(p, opts.inflateLimit()); err == nil && !enhanced(h.sopClass) {
		h.remote = remote
		return one, nil
	}
	switch CodeOf(err) {
	case "", CodeNoPosition, CodeNoPixelSpacing, CodePixelFormat:
	default:
		return one, err
	}
	file, err := remote.Image(ctx, h.sopUID)
	if err != nil {
		return one, err
	}
	whole := &remoteFile{}
	images, err := whole.read(file, opts.inflateLimit())
	if err == nil && (images[0].sopUID != h.sopUID || enhanced(images[0].sopClass) != enhanced(h.sopClass)) {
		err = refuse(CodeUnreadable, "another image came than the one that was asked for", nil)
	}
	if err != nil {
		return one, err
	}
	images = slices.Clone(images)
	for i, own := range images {
		image := *own
		image.remote, image.patient = remote, cmp.Or(h.patient, own.patient) // a PACS may have corrected it
		if enhanced(own.sopClass) {
			image.whole = whole
		}
		images[i] = &image
	}
	return images, nil
}

// remoteFile is what a file of several frames was found to hold. It is read anew
// only where its source gives another copy of it.
type remoteFile struct {
	mu     sync.Mutex
	of     weak.Pointer[byte] // the first byte of that copy
	images []*header
}

func (r *remoteFile) read(file []byte, inflateLimit int64) (images []*header, err error) {
	if len(file) == 0 {
		return nil, errNotDICOM
	}
	if r == nil {
		return readImages(bytes.NewReader(file), inflateLimit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.images == nil || r.of.Value() != &file[0] {
		r.images = nil
		if images, err = readImages(bytes.NewReader(file), inflateLimit); err != nil {
			return nil, err
		}
		r.of, r.images = weak.Make(&file[0]), images
	}
	return r.images, nil
}

// parsed makes the attributes look as if a file had been read up to its pixels.
func (a Attributes) parsed() (parsed, error) {
	p := parsed{&codec.File{}}
	for t, values := range a {
		if wanted[t] == "" || len(values) == 0 {
			continue
		}
		text := strings.Join(values, `\`)
		if len(values) > maxAttributeValues || len(text)-len(values)+1 > maxAttributeBytes {
			return p, refuse(CodeUnreadable, "a header value is longer than any image needs", nil)
		}
		p.Dataset = append(p.Dataset, codec.Element{Tag: t, VR: "UT", Value: []byte(text)})
	}
	return p, nil
}

// remoteSlice fetches and decodes one image.
func (r *frameReader) remoteSlice(ctx context.Context, h *header, last *unpackedFile, hu []float32, pad []bool) error {
	frames, ok := h.remote.(*provenFrames)
	ok = ok && h.whole == nil // a source gives frames of single-frame images
	if ok {
		if done, err := frames.frame(ctx, r, h, hu, pad); done {
			return err
		}
		if frames.state.Load() == proofOpen {
			r.window = image.Rectangle{} // it may become the proof
		}
	}
	file, err := h.remote.Image(ctx, h.sopUID)
	if err != nil {
		return err
	}
	images, err := h.whole.read(file, h.format.inflateLimit)
	switch {
	case errors.Is(err, errNotDICOM):
		err = refuse(CodeUnreadable, "what came is no DICOM file", nil)
	case err == nil && (h.frame >= len(images) || !images[h.frame].depicts(h)):
		err = refuse(CodeUnreadable, "the image is not the one that its metadata describe; open the series again", nil)
	case err == nil && packs(images[h.frame]):
		err = r.fetchedFrame(images[h.frame], file, last, hu, pad)
	case err == nil:
		err = r.decode(bytes.NewReader(file), &images[h.frame].format, hu, pad)
	}
	if err != nil {
		e := asError(err, CodeUnreadable, "the pixel data is corrupt")
		e.Op = "decode pixels"
		return e
	}
	if ok {
		frames.prove(ctx, r, h, &images[h.frame].format, hu, pad)
	}
	return nil
}

// fetchedFrame decodes a frame of a deflated file.
func (r *frameReader) fetchedFrame(h *header, file []byte, last *unpackedFile, hu []float32, pad []bool) error {
	last.mu.Lock()
	defer last.mu.Unlock()
	src, err := last.fetched(h, file)
	if err != nil {
		return err
	}
	return r.decode(src, &h.format, hu, pad)
}

// depicts tells whether h is the image that o describes.
func (h *header) depicts(o *header) bool {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-4*math.Abs(b) }
	return h.sopUID == o.sopUID && h.seriesUID == o.seriesUID &&
		h.format.Rows == o.format.Rows && h.format.Cols == o.format.Cols &&
		h.position.near(o.position, samePosition) && h.rowDir.near(o.rowDir, 1e-3) && h.colDir.near(o.colDir, 1e-3) &&
		near(h.spacing[0], o.spacing[0]) && near(h.spacing[1], o.spacing[1])
}

// Identity names a DICOM file of any kind.
type Identity struct {
	StudyUID, SeriesUID         string
	SOPInstanceUID, SOPClassUID string
	TransferSyntaxUID           string
}

// Identify reads what a file is. A file without UIDs of study, series,
// instance and class is refused with CodeUnreadable, and so is what is no
// DICOM file at all.
func Identify(file []byte) (Identity, error) {
	const op = "identify file"
	p, err := parseHeader(bytes.NewReader(file), Options{}.withDefaults().inflateLimit())
	if errors.Is(err, errNotDICOM) {
		err = refuse(CodeUnreadable, "this is no DICOM file", nil)
	}
	if err != nil {
		e := asError(err, CodeUnreadable, "the header is corrupt")
		e.Op = op
		return Identity{}, e
	}
	h := p.identify()
	id := Identity{h.studyUID, h.seriesUID, h.sopUID, h.sopClass, p.Syntax.UID}
	if slices.Contains([]string{id.StudyUID, id.SeriesUID, id.SOPInstanceUID, id.SOPClassUID}, "") {
		return id, &Error{Code: CodeUnreadable, Op: op, Hint: "UIDs of study, series, instance or class are missing"}
	}
	return id, nil
}

// Decodes tells whether the pixels of a transfer syntax can be read.
func Decodes(transferSyntaxUID string) bool {
	return codec.SyntaxOf(transferSyntaxUID).Decodes()
}

// forEach calls f for 0..n-1 in as many goroutines as workers says, and
// returns an error of the lowest number that has one. After an error or the
// end of ctx no more are begun.
func forEach(ctx context.Context, workers, n int, f func(i int) error) error {
	errs := make([]error, n)
	stopped, stop := context.WithCancel(ctx)
	defer stop()
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := range next {
				if errs[i] = f(i); errs[i] != nil {
					stop()
				}
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-stopped.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// File returns the file (PS3.10) of slice z, as it is stored: read, or fetched
// where the series is remote. It holds the patient's data. Errors: CodeUnreadable,
// CodeLimit above 1 GiB, those of a remote source. A slice outside the series is
// an error without a code.
func (s *Series) File(ctx context.Context, z int) ([]byte, error) {
	const op = "read file"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if z < 0 || z >= len(s.Slices) {
		return nil, fmt.Errorf("dicomio: the file of slice %d asked of a series of %d", z, len(s.Slices))
	}
	sl := &s.Slices[z]
	if sl.file != nil && sl.file.remote != nil {
		return sl.file.remote.Image(ctx, sl.SOPInstanceUID)
	}
	limit := Options{}.withDefaults().MaxFileBytes
	f, err := storage.Open(ctx, sl.Path)
	if isSilent(ctx, err) {
		return nil, err
	}
	if err != nil {
		return nil, &Error{Code: CodeUnreadable, Op: op, Path: sl.Path, Hint: "the file cannot be opened any more", Err: err}
	}
	defer f.Close()
	var e entry
	if sl.file != nil {
		e = sl.file.entry
	}
	var b []byte
	src, err := e.checked(f, f.Size(), limit)
	if err == nil {
		b, err = io.ReadAll(io.NewSectionReader(src, 0, limit+1))
	}
	switch {
	case f.Silent() != nil:
		return nil, f.Silent()
	case err != nil:
		return nil, &Error{Code: CodeUnreadable, Op: op, Path: sl.Path, Hint: "the file cannot be read", Err: err}
	case int64(len(b)) > limit:
		return nil, &Error{Code: CodeLimit, Op: op, Path: sl.Path, Hint: "the file is too large"}
	}
	return b, nil
}
