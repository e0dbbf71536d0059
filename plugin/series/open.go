package series

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// Codes of this package. They are part of the message schema.
const (
	CodeURIUnsupported coded.Code = "uri_unsupported" // neither a file:// folder nor a series of DICOMweb
	CodeURIForbidden   coded.Code = "uri_forbidden"   // outside the allowed folders, or of a PACS that is not among the settings
	CodeStudyMismatch  coded.Code = "study_mismatch"  // the series belongs to another study than the job says
	CodeMismatch       coded.Code = "series_mismatch" // the uri names another series than the job says
	CodeFrameMismatch  coded.Code = "frame_of_reference_mismatch"
)

// codeSettings is that of every setting that cannot be used.
const codeSettings coded.Code = "settings_invalid"

// Place says where a series is and what it must be. Empty UIDs are not
// checked; with an empty SeriesUID a folder must hold exactly one CT series.
type Place struct {
	URI                 string
	StudyUID            string
	SeriesUID           string
	FrameOfReferenceUID string
}

// PlaceOf is where the series of a job is, and what it must be.
func PlaceOf(job bus.Job) Place {
	return Place{URI: job.URI, StudyUID: job.StudyUID, SeriesUID: job.SeriesUID, FrameOfReferenceUID: job.FrameOfReferenceUID}
}

// Reader opens series by the rules of one service. The zero value reads any
// folder and no PACS.
type Reader struct {
	Roots    []string  // folders that may be named, with what lies below them; empty: any
	Archives *Archives // PACS that may be asked; nil: none
	Kernels  []string  // preferred where a series has several, see dicomio.Options
}

// Open reads the headers of a series. Codes: those of [FolderOf],
// [Archives.Client] and of dicomio; series_mismatch, study_mismatch and
// frame_of_reference_mismatch where it is not the one that p means.
func (r Reader) Open(ctx context.Context, p Place) (*dicomio.Series, error) {
	const op = "open series"
	s, err := r.find(ctx, p)
	if err != nil {
		return nil, err
	}
	switch {
	case p.StudyUID != "" && s.StudyUID == "":
		return nil, coded.New(CodeStudyMismatch, op,
			"the job names a study and the images of the series name none, so that nobody can say whether they are of it; leave study_uid out of the job where you know that they are", nil)
	case p.StudyUID != "" && p.StudyUID != s.StudyUID:
		return nil, coded.New(CodeStudyMismatch, op, "the series belongs to a study other than study_uid", nil)
	case p.FrameOfReferenceUID != "" && s.FrameOfReferenceUID == "":
		return nil, coded.New(CodeFrameMismatch, op,
			"the positions are given in a frame of reference and the images of the series name none, so that nobody can say whether they are the same; leave frame_of_reference_uid out of the job where you know that the positions were read from these images", nil)
	case p.FrameOfReferenceUID != "" && p.FrameOfReferenceUID != s.FrameOfReferenceUID:
		return nil, coded.New(CodeFrameMismatch, op,
			"the positions are given in another frame of reference than that of the series: they mean other places", nil)
	}
	if len(r.Roots) > 0 && !IsArchiveURI(p.URI) { // a file may be a link to elsewhere
		for _, slice := range s.Slices {
			switch inside, err := allowedFile(slice.Path, r.Roots); {
			case err != nil:
				return nil, err
			case !inside:
				return nil, coded.New(CodeURIForbidden, op, linkHint, nil)
			}
		}
	}
	return s, nil
}

const linkHint = "a file of the series is a link to outside the folders that this service may read"

// find opens what the URI names, without a look at what it should be.
func (r Reader) find(ctx context.Context, p Place) (*dicomio.Series, error) {
	const op = "open series"
	if !IsArchiveURI(p.URI) {
		dir, err := FolderOf(p.URI, r.Roots)
		if err != nil {
			return nil, err
		}
		return wrapOpen(dicomio.OpenSeries(ctx, dir, p.SeriesUID, dicomio.Options{Kernels: r.Kernels}))
	}
	client, study, series, err := r.Archives.Client(p.URI)
	if err != nil {
		return nil, err
	}
	if p.SeriesUID != "" && p.SeriesUID != series {
		return nil, coded.New(CodeMismatch, op, "the uri names a series other than series_uid", nil)
	}
	s, err := client.Open(ctx, study, series, dicomio.Options{Kernels: r.Kernels})
	if err == nil && s.StudyUID != study {
		return nil, coded.New(CodeStudyMismatch, op, "the series belongs to a study other than that in the uri", nil)
	}
	return wrapOpen(s, err)
}

func wrapOpen(s *dicomio.Series, err error) (*dicomio.Series, error) {
	if err != nil {
		return nil, fmt.Errorf("open series: %w", err)
	}
	return s, nil
}
