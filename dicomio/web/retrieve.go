package web

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/nodulescope/nodulescope/dicomio"
)

// asStored accepts an instance in the transfer syntax that it is stored in,
// plain in the one that every server has (PS3.18 section 8.7.3.5.2).
const (
	plain    = kindRelated + `; type="` + kindDICOM + `"`
	asStored = plain + "; transfer-syntax=*"
)

// partRoom is for what stands around a file or a frame.
const partRoom = 1 << 16

// Open reads the metadata of a CT series (WADO-RS) and builds its volume.
// Pixels are fetched when they are decoded: one image whole, and where its frame
// is seen to be the same and to be what the metadata describe, of the others the frames
// alone. Errors have the codes of
// dicomio.OpenSeries and those that start with pacs_.
func (c *Client) Open(ctx context.Context, studyUID, seriesUID string, opts dicomio.Options) (*dicomio.Series, error) {
	images, err := c.metadata(ctx, studyUID, seriesUID, opts)
	if err != nil {
		return nil, err
	}
	if opts.Workers <= 0 {
		opts.Workers = c.opts.Parallel
	}
	source := newImages(c.opts.CacheBytes, func(ctx context.Context, uid string) ([]byte, string, error) {
		file, err := c.image(ctx, studyUID, seriesUID, uid)
		return file, "", err
	}, func(ctx context.Context, uid string) ([]byte, string, error) {
		return c.frame(ctx, studyUID, seriesUID, uid)
	})
	return dicomio.OpenRemote(ctx, images, seriesUID, source, opts)
}

// metadata reads the elements that a volume needs of every instance.
func (c *Client) metadata(ctx context.Context, studyUID, seriesUID string, opts dicomio.Options) (images []dicomio.Attributes, err error) {
	const op = "read metadata"
	if err := checkUIDs(op, studyUID, seriesUID); err != nil {
		return nil, err
	}
	limit := opts.MaxFiles
	if limit <= 0 {
		limit = 20_000
	}
	err = c.do(ctx, call{
		op: op, method: http.MethodGet, path: []string{"studies", studyUID, "series", seriesUID, "metadata"},
		accept: "application/dicom+json", limit: c.opts.MaxBodyBytes,
		read: func(status int, h http.Header, body io.Reader) error {
			images = nil
			return readFound(op, status, h, body, dicomio.NeedsAttribute, func(d Dataset) error {
				if len(images) == limit {
					return fail(dicomio.CodeLimit, op, "the series has more images than the limit", nil)
				}
				a := dicomio.Attributes{}
				for tag, e := range d {
					a[tag] = dicomio.Attribute(tag, e.Values)
				}
				images = append(images, a)
				return nil
			})
		},
	})
	if err == nil && len(images) == 0 {
		err = fail(dicomio.CodeNotStored, op, "the PACS has no images of the series", nil)
	}
	return images, err
}

// Instance fetches the file (PS3.10) of one instance, of any kind, in the
// transfer syntax that it is stored in. Options.MaxImageBytes and
// Options.MaxMultiFrameBytes bound it.
func (c *Client) Instance(ctx context.Context, studyUID, seriesUID, sopInstanceUID string) ([]byte, error) {
	file, err := c.instance(ctx, studyUID, seriesUID, sopInstanceUID, asStored)
	if dicomio.CodeOf(err) == dicomio.CodeRefusedThere { // it may not know transfer-syntax=*
		if again, other := c.instance(ctx, studyUID, seriesUID, sopInstanceUID, plain); other == nil {
			return again, nil
		}
	}
	return file, err
}

// image is Instance, for pixels: where the syntax that came cannot be decoded
// the PACS is asked for an uncompressed one, which it need not have.
func (c *Client) image(ctx context.Context, studyUID, seriesUID, uid string) ([]byte, error) {
	file, err := c.Instance(ctx, studyUID, seriesUID, uid)
	if err != nil {
		return nil, err
	}
	id, err := dicomio.Identify(file)
	if err != nil || dicomio.Decodes(id.TransferSyntaxUID) {
		return file, nil // what is wrong with it is told where it is decoded
	}
	if raw, err := c.instance(ctx, studyUID, seriesUID, uid, plain); err == nil {
		return raw, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return file, nil
}

func (c *Client) instance(ctx context.Context, studyUID, seriesUID, uid, accept string) (file []byte, err error) {
	const op = "fetch image"
	if err := checkUIDs(op, studyUID, seriesUID, uid); err != nil {
		return nil, err
	}
	err = c.do(ctx, call{
		op: op, method: http.MethodGet, path: []string{"studies", studyUID, "series", seriesUID, "instances", uid},
		accept: accept, limit: max(c.opts.MaxImageBytes, c.opts.MaxMultiFrameBytes) + partRoom,
		read: func(_ int, h http.Header, body io.Reader) error {
			file = nil
			read := func(r io.Reader) ([]byte, error) { return c.readInstance(ctx, op, r) }
			err := readFiles(op, h, body, read, func(b []byte) error {
				if file != nil {
					return broken(op, "the PACS sent several instances where one was asked for", nil)
				}
				file = b
				return nil
			})
			if err == nil && len(file) == 0 {
				err = broken(op, "the PACS sent no instance", nil)
			}
			return err
		},
	})
	return file, err
}

// readInstance reads one file. One that is larger than others may be is read on
// where it begins as a multi-frame CT, and no other such file is being read.
func (c *Client) readInstance(ctx context.Context, op string, r io.Reader) ([]byte, error) {
	limit := c.opts.MaxImageBytes
	file, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(file)) > limit {
		if id, other := dicomio.Identify(file); other == nil && dicomio.MultiFrame(id.SOPClassUID) {
			limit = max(limit, c.opts.MaxMultiFrameBytes)
			select {
			case c.large <- struct{}{}:
				defer func() { <-c.large }()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			whole := bytes.NewBuffer(file)
			_, err = whole.ReadFrom(io.LimitReader(r, limit+1-int64(len(file))))
			file = whole.Bytes()
		}
	}
	return partOf(op, file, err, limit)
}
