package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"

	"github.com/nodulescope/nodulescope/dicomio"
)

// StoreStatus is what became of an instance.
type StoreStatus string

// What Client.Store reports.
const (
	Stored  StoreStatus = "stored"  // the PACS took it
	Existed StoreStatus = "existed" // the PACS held it before, and nothing was sent or changed
	Refused StoreStatus = "refused"
)

// StoreResult is what became of one instance.
type StoreResult struct {
	SOPInstanceUID string
	Status         StoreStatus
	Reason         int // FailureReason (PS3.18 table I.2-2) where it was refused; 0: not said
}

const (
	tagFailureReason  = 0x00081197
	tagFailed         = 0x00081198 // FailedSOPSequence
	tagReferenced     = 0x00081199 // ReferencedSOPSequence
	tagReferencedSOP  = 0x00081155 // ReferencedSOPInstanceUID
	duplicateInstance = 0x0111

	maxStoreAnswer = 16 << 20
)

// Store sends DICOM files (PS3.10) to the PACS (STOW-RS, PS3.18 section 10.5),
// those that it does not hold yet, and returns what became of each, in their
// order. A file given twice counts once, at its first place.
//
// Where the answer says nothing of an instance, and before anything is sent
// again, the PACS is asked whether it holds it. So a call that failed can be
// repeated: no instance is stored twice.
//
// Errors: CodeUnreadable where a file is not DICOM, CodeLimit where one is
// larger than Options.MaxStoreBytes, CodeStoreRefused where the PACS did not
// take one (the results say which and why), and those of every request.
func (c *Client) Store(ctx context.Context, files ...[]byte) ([]StoreResult, error) {
	const op = "store instances"
	var todo []*storing
	seen := map[string]bool{}
	for _, file := range files {
		id, err := dicomio.Identify(file)
		if err != nil {
			return nil, err
		}
		if err := checkUIDs(op, id.StudyUID, id.SeriesUID, id.SOPInstanceUID); err != nil {
			return nil, err
		}
		if int64(len(file)) > c.opts.MaxStoreBytes {
			return nil, fail(dicomio.CodeLimit, op, fmt.Sprintf("an instance is larger than %d bytes", c.opts.MaxStoreBytes), nil)
		}
		if !seen[id.SOPInstanceUID] {
			seen[id.SOPInstanceUID] = true
			todo = append(todo, &storing{id: id, file: file})
		}
	}
	if err := c.settle(ctx, todo, Existed); err != nil {
		return nil, err
	}
	for start := 0; start < len(todo); {
		end, size := start, int64(0)
		for ; end < len(todo) && (end == start || size+int64(len(todo[end].file)) <= c.opts.MaxStoreBytes); end++ {
			size += int64(len(todo[end].file))
		}
		if err := c.send(ctx, todo[start:end]); err != nil {
			return nil, err
		}
		start = end
	}
	results := make([]StoreResult, len(todo))
	refused := 0
	for i, s := range todo {
		results[i] = StoreResult{s.id.SOPInstanceUID, s.status, s.reason}
		if s.status == Refused {
			refused++
		}
	}
	if refused > 0 {
		return results, fail(dicomio.CodeStoreRefused, op, fmt.Sprintf("the PACS refused %d of %d; see its log", refused, len(todo)), nil)
	}
	return results, nil
}

// storing is an instance on its way.
type storing struct {
	id     dicomio.Identity
	file   []byte
	status StoreStatus // "" as long as it is not known
	reason int
}

// Holds tells whether the PACS holds an instance (QIDO-RS).
func (c *Client) Holds(ctx context.Context, studyUID, seriesUID, sopInstanceUID string) (bool, error) {
	const op = "find instance"
	if err := checkUIDs(op, sopInstanceUID); err != nil {
		return false, err
	}
	found, err := c.Instances(ctx, studyUID, seriesUID, Query{Match: map[string]string{"SOPInstanceUID": sopInstanceUID}, Limit: 1})
	if dicomio.CodeOf(err) == dicomio.CodeNotStored { // some answer so where they do not know the study
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return len(found) == 1 && found[0].Text(TagSOPInstanceUID) == sopInstanceUID, nil
}

// settle gives those that are there the status.
func (c *Client) settle(ctx context.Context, batch []*storing, status StoreStatus) error {
	for _, s := range batch {
		if s.status != "" {
			continue
		}
		there, err := c.Holds(ctx, s.id.StudyUID, s.id.SeriesUID, s.id.SOPInstanceUID)
		if err != nil {
			return err
		}
		if there {
			s.status = status
		}
	}
	return nil
}

// send stores what is open of a batch in one request.
func (c *Client) send(ctx context.Context, batch []*storing) error {
	const op = "store instances"
	body, kind := encodeParts(batch)
	if body == nil {
		return nil
	}
	err := c.do(ctx, call{
		op: op, method: http.MethodPost, base: c.store, path: []string{"studies"}, accept: "application/dicom+json",
		contentType: kind, body: body, limit: maxStoreAnswer,
		answers: func(status int) bool { return status == http.StatusConflict },
		read: func(status int, h http.Header, answer io.Reader) error {
			return readStored(status, h, answer, batch)
		},
		// An attempt without an answer may have been stored all the same.
		before: func(ctx context.Context, q *call) (bool, error) {
			err := c.settle(ctx, batch, Stored)
			q.body, q.contentType = encodeParts(batch)
			return q.body == nil, err
		},
	})
	if err != nil {
		return err
	}
	if err := c.settle(ctx, batch, Stored); err != nil {
		return err
	}
	for _, s := range batch {
		if s.status == "" {
			s.status = Refused
		}
	}
	return nil
}

// encodeParts makes the body and the media type of a request that stores what
// is open; nil where nothing is. The boundary follows from the content and does
// not occur in it.
func encodeParts(batch []*storing) (body []byte, kind string) {
	digest := sha256.New()
	for _, s := range batch {
		if s.status == "" {
			digest.Write(s.file)
		}
	}
	for n := byte(0); ; n++ {
		digest.Write([]byte{n})
		boundary := "nodulescope-" + hex.EncodeToString(digest.Sum(nil)[:20])
		clash := false
		var b bytes.Buffer
		for _, s := range batch {
			if s.status != "" {
				continue
			}
			clash = clash || bytes.Contains(s.file, []byte(boundary))
			fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\n\r\n", boundary, kindDICOM)
			b.Write(s.file)
			b.WriteString("\r\n")
		}
		if b.Len() == 0 {
			return nil, ""
		}
		if !clash {
			fmt.Fprintf(&b, "--%s--\r\n", boundary)
			return b.Bytes(), plain + "; boundary=" + boundary
		}
	}
}

// readStored takes the answer's lists (PS3.18 section 10.5.3 and annex I). What
// is not in them, or an answer in another form, is left open.
func readStored(status int, h http.Header, body io.Reader, batch []*storing) error {
	if status == http.StatusNoContent || checkJSON("", h) != nil {
		return nil
	}
	answer, err := readAnswer(body)
	if err != nil {
		return nil //nolint:nilerr // the PACS is asked what it holds
	}
	open := map[string]*storing{}
	for _, s := range batch {
		if s.status == "" {
			open[s.id.SOPInstanceUID] = s
		}
	}
	for _, item := range answer[tagFailed].Items {
		if s := open[item.Text(tagReferencedSOP)]; s != nil {
			s.status = Refused
			s.reason, _ = item.Int(tagFailureReason)
			if s.reason == duplicateInstance {
				s.status = Existed
			}
		}
	}
	for _, item := range answer[tagReferenced].Items {
		if s := open[item.Text(tagReferencedSOP)]; s != nil {
			s.status = Stored
		}
	}
	return nil
}
