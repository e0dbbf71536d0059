package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Query says which records are wanted (PS3.18 section 8.3.4). The zero value
// wants all.
type Query struct {
	// Match holds attributes, by keyword or by eight hexadecimal digits, and the
	// values that they must have, with the wildcards and ranges of PS3.4 C.2.2.2.
	Match  map[string]string
	Fields []string // attributes to return beside those that a server returns anyway
	Limit  int      // most records that are fetched; 0: all, up to 100,000
	Page   int      // records of one request; default 200
}

const (
	defaultPage = 200
	maxRecords  = 100_000
)

// Tags by which records are told apart and ordered.
const (
	TagSOPClassUID    = 0x00080016
	TagSOPInstanceUID = 0x00080018
	TagModality       = 0x00080060
	TagStudyUID       = 0x0020000D
	TagSeriesUID      = 0x0020000E
	TagSeriesImages   = 0x00201209 // NumberOfSeriesRelatedInstances
)

// Studies finds studies (QIDO-RS), one record each. Errors have the codes of
// package dicomio that start with pacs_, and CodeLimit where Query.Limit is 0
// and there are more than 100,000.
func (c *Client) Studies(ctx context.Context, q Query) ([]Dataset, error) {
	return c.find(ctx, "find studies", []string{"studies"}, q, TagStudyUID)
}

// Series finds the series of a study, or of all where studyUID is empty. See
// Studies.
func (c *Client) Series(ctx context.Context, studyUID string, q Query) ([]Dataset, error) {
	const op = "find series"
	path := []string{"series"}
	if studyUID != "" {
		if err := checkUIDs(op, studyUID); err != nil {
			return nil, err
		}
		path = []string{"studies", studyUID, "series"}
	}
	return c.find(ctx, op, path, q, TagSeriesUID)
}

// Instances finds the instances of a series. See Studies.
func (c *Client) Instances(ctx context.Context, studyUID, seriesUID string, q Query) ([]Dataset, error) {
	const op = "find instances"
	if err := checkUIDs(op, studyUID, seriesUID); err != nil {
		return nil, err
	}
	return c.find(ctx, op, []string{"studies", studyUID, "series", seriesUID, "instances"}, q, TagSOPInstanceUID)
}

// find fetches page after page. A server may send fewer records than a page
// has, ignore limit and offset, or send a record again when others came in
// between: so it goes on until a page brings nothing new.
func (c *Client) find(ctx context.Context, op string, path []string, q Query, key uint32) ([]Dataset, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = maxRecords + 1
	}
	page := q.Page
	if page <= 0 {
		page = defaultPage
	}
	var found []Dataset
	seen := map[string]bool{}
	for offset := 0; len(found) < limit; {
		size := min(page, limit-len(found))
		records, err := c.page(ctx, op, path, q.values(size, offset))
		if err != nil {
			return nil, err
		}
		fresh := 0
		for _, d := range records {
			uid := d.Text(key)
			if uid == "" {
				return nil, broken(op, "the PACS sent a record without its UID", nil)
			}
			if !seen[uid] && len(found) < limit {
				seen[uid] = true
				found = append(found, d)
				fresh++
			}
		}
		if fresh == 0 {
			break
		}
		offset += len(records)
	}
	if q.Limit <= 0 && len(found) > maxRecords {
		return nil, fail(dicomio.CodeLimit, op, "the PACS holds more records than the limit; ask for fewer", nil)
	}
	return found, nil
}

func (q Query) values(limit, offset int) url.Values {
	v := url.Values{}
	for name, value := range q.Match {
		v.Set(name, value)
	}
	for _, field := range q.Fields {
		v.Add("includefield", field)
	}
	v.Set("limit", strconv.Itoa(limit))
	if offset > 0 {
		v.Set("offset", strconv.Itoa(offset))
	}
	return v
}

// page asks once.
func (c *Client) page(ctx context.Context, op string, path []string, values url.Values) (records []Dataset, err error) {
	err = c.do(ctx, call{
		op: op, method: http.MethodGet, path: path, query: values, accept: "application/dicom+json", limit: c.opts.MaxBodyBytes,
		read: func(status int, h http.Header, body io.Reader) error {
			records = nil
			return readFound(op, status, h, body, all, func(d Dataset) error {
				if records = append(records, d); len(records) > maxRecords+1 {
					return fail(dicomio.CodeLimit, op, "the PACS sent more records than the limit; ask for fewer", nil)
				}
				return nil
			})
		},
	})
	return records, err
}

func all(uint32) bool { return true }

// readFound reads the records of an answer, which has none where the PACS
// found nothing. See readRecords.
func readFound(op string, status int, h http.Header, body io.Reader, keep func(tag uint32) bool, each func(Dataset) error) error {
	if status == http.StatusNoContent {
		return nil
	}
	if err := checkJSON(op, h); err != nil {
		return err
	}
	return brokenModel(op, readRecords(body, keep, each))
}

// brokenModel gives an error of readRecords its code. Its text may hold what
// the server wrote, so it stays out.
func brokenModel(op string, err error) error {
	if err == nil || dicomio.CodeOf(err) != "" {
		return err
	}
	return broken(op, "the PACS sent what is not the DICOM JSON model, or broke off", nil)
}
