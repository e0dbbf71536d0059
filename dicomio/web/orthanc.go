package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Kinds of changes that [Orthanc.Changes] tells.
const (
	ChangeNewInstance  = "NewInstance"
	ChangeNewSeries    = "NewSeries"
	ChangeStableSeries = "StableSeries" // no instance has come for the time StableAge of Orthanc's settings
)

const (
	maxChanges      = 1000
	maxOrthancBytes = 16 << 20 // of an answer: a series of 100,000 images
	maxOrthancID    = 64       // five groups of eight hexadecimal digits
)

// Orthanc asks the interface that Orthanc has beside DICOMweb. It is safe for
// concurrent use.
type Orthanc struct{ c *Client }

// NewOrthanc is a client of the interface at Options.URL, such as
// http://127.0.0.1:8042, which is not the address of DICOMweb. Its errors wrap
// ErrOptions.
func NewOrthanc(opts Options) (*Orthanc, error) {
	c, err := New(opts)
	if err != nil {
		return nil, err
	}
	return &Orthanc{c}, nil
}

// Close lets go of idle connections.
func (o *Orthanc) Close() { o.c.Close() }

// Change is one line of Orthanc's journal.
type Change struct {
	Kind     string `json:"ChangeType"`
	Resource string `json:"ResourceType"` // Patient, Study, Series or Instance
	ID       string `json:"ID"`           // Orthanc's own
	Seq      int64  `json:"Seq"`
}

// Changes are those after a position of the journal, at most 1000 of them.
// last is the position to go on from, and done tells that nothing is behind
// it. A journal that ends before since, as that of a server with a new
// database, gives no changes and its end as last.
func (o *Orthanc) Changes(ctx context.Context, since int64, limit int) (changes []Change, last int64, done bool, err error) {
	var answer struct {
		Changes []Change
		Last    int64
		Done    bool
	}
	err = o.get(ctx, "read changes", []string{"changes"}, url.Values{
		"since": {strconv.FormatInt(max(since, 0), 10)}, "limit": {strconv.Itoa(min(max(limit, 1), maxChanges))},
	}, &answer)
	return answer.Changes, answer.Last, answer.Done, err
}

// LastChange is the end of the journal.
func (o *Orthanc) LastChange(ctx context.Context) (last int64, err error) {
	var answer struct{ Last int64 }
	err = o.get(ctx, "read changes", []string{"changes"}, url.Values{"last": {""}}, &answer)
	return answer.Last, err
}

// OrthancSeries is what Orthanc says of a series. It names no patient.
type OrthancSeries struct {
	StudyUID, SeriesUID string
	Modality            string
	Stable              bool     // see ChangeStableSeries
	Expected            int      // images that the scanner announced; 0: it did not
	Instances           []string // Orthanc's own ids
}

// Series describes a series by the id that a [Change] has. CodeNotStored where
// it has been deleted since.
func (o *Orthanc) Series(ctx context.Context, id string) (OrthancSeries, error) {
	const op = "read series of Orthanc"
	var series struct {
		MainDicomTags             struct{ SeriesInstanceUID, Modality string }
		ParentStudy               string
		IsStable                  bool
		ExpectedNumberOfInstances *int
		Instances                 []string
	}
	if err := o.resource(ctx, op, "series", id, &series); err != nil {
		return OrthancSeries{}, err
	}
	var study struct {
		MainDicomTags struct{ StudyInstanceUID string }
	}
	if err := o.resource(ctx, op, "studies", series.ParentStudy, &study); err != nil {
		return OrthancSeries{}, err
	}
	s := OrthancSeries{
		StudyUID: study.MainDicomTags.StudyInstanceUID, SeriesUID: series.MainDicomTags.SeriesInstanceUID,
		Modality: series.MainDicomTags.Modality, Stable: series.IsStable, Instances: series.Instances,
	}
	if series.ExpectedNumberOfInstances != nil {
		s.Expected = max(*series.ExpectedNumberOfInstances, 0)
	}
	if !ValidUID(s.StudyUID) || !ValidUID(s.SeriesUID) {
		return s, broken(op, "Orthanc names no study and series; is the address that of its own interface?", nil)
	}
	return s, nil
}

// SeriesOf is the id of the series that an instance is in, by the id of that.
// CodeNotStored where it has been deleted since.
func (o *Orthanc) SeriesOf(ctx context.Context, instance string) (id string, err error) {
	var answer struct{ ParentSeries string }
	err = o.resource(ctx, "read instance of Orthanc", "instances", instance, &answer)
	return answer.ParentSeries, err
}

// File fetches the file (PS3.10) of an instance by Orthanc's id.
// Options.MaxImageBytes bounds it.
func (o *Orthanc) File(ctx context.Context, id string) (file []byte, err error) {
	const op = "read file of Orthanc"
	if !validOrthancID(id) {
		return nil, broken(op, "Orthanc gave an id that is none", nil)
	}
	err = o.c.do(ctx, call{
		op: op, method: http.MethodGet, path: []string{"instances", id, "file"}, accept: kindDICOM, limit: o.c.opts.MaxImageBytes,
		read: func(_ int, _ http.Header, body io.Reader) (err error) {
			file, err = io.ReadAll(body)
			return err
		},
	})
	return file, err
}

func (o *Orthanc) resource(ctx context.Context, op, kind, id string, into any) error {
	if !validOrthancID(id) {
		return broken(op, "Orthanc gave an id that is none", nil)
	}
	return o.get(ctx, op, []string{kind, id}, nil, into)
}

func (o *Orthanc) get(ctx context.Context, op string, path []string, query url.Values, into any) error {
	return o.c.do(ctx, call{
		op: op, method: http.MethodGet, path: path, query: query, accept: "application/json", limit: maxOrthancBytes,
		read: func(_ int, _ http.Header, body io.Reader) error { return decodeOrthanc(op, body, into) },
	})
}

// decodeOrthanc reads one JSON value. The cause of an error is left out, for it
// may quote the value.
func decodeOrthanc(op string, body io.Reader, into any) error {
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return broken(op, "the answer is not from Orthanc; is this the address of its REST API?", nil)
	}
	return nil
}

// validOrthancID keeps what a server says from leading elsewhere on it.
func validOrthancID(id string) bool {
	if id == "" || len(id) > maxOrthancID {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && c != '-' {
			return false
		}
	}
	return true
}

// RootOf is the address of Orthanc's own interface beside that of its
// DICOMweb: without the last part of the path.
func RootOf(dicomWeb string) (string, error) {
	u, err := url.Parse(dicomWeb)
	if err != nil || u.Hostname() == "" {
		return "", bad("the address must be http(s)://host/path")
	}
	return u.JoinPath("..").String(), nil
}
