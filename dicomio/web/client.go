package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/backoff"
)

// Client speaks to one DICOMweb server. It is safe for concurrent use.
type Client struct {
	opts  Options
	base  *url.URL
	store *url.URL
	http  *http.Client

	noFrames atomic.Bool   // it has refused one
	large    chan struct{} // holds one while an instance larger than MaxImageBytes is read
}

// New checks the options, reads the files that they name, and opens nothing.
// Its errors wrap ErrOptions.
func New(opts Options) (*Client, error) {
	base, store, err := opts.check()
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	transport, err := opts.transport()
	if err != nil {
		return nil, err
	}
	if _, err := opts.authorization(); err != nil {
		return nil, bad("%w", err)
	}
	return &Client{opts: opts, base: base, store: store, large: make(chan struct{}, 1), http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// URL is the address of the server, without a slash at its end.
func (c *Client) URL() string { return c.base.String() }

// Stores tells whether Options.StoreURL is set: whether this PACS is one that
// instances are meant to be stored in.
func (c *Client) Stores() bool { return c.opts.StoreURL != "" }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one question to the server.
type call struct {
	op          string // for errors, such as "find series"
	method      string
	base        *url.URL // default: Options.URL
	path        []string
	query       url.Values
	accept      string
	contentType string
	body        []byte
	limit       int64            // of the answer
	answers     func(s int) bool // statuses beside 2xx that read understands
	read        func(status int, header http.Header, body io.Reader) error

	// before is asked before every attempt but the first, and may change the
	// body; true ends the call as if it had been answered.
	before func(ctx context.Context, q *call) (done bool, err error)
}

// do asks until there is an answer or no attempt is left. read may be called
// more than once, and begins anew each time.
func (c *Client) do(ctx context.Context, q call) error {
	delays := backoff.Doubling{First: c.opts.RetryDelay, Max: maxRetryDelay}
	for attempt := 1; ; attempt++ {
		wait, err := c.try(ctx, q)
		if err == nil || ctx.Err() != nil || attempt >= c.opts.Attempts || !again(err) {
			return err
		}
		if err := backoff.Wait(ctx, min(max(delays.After(attempt), wait), maxRetryDelay)); err != nil {
			return err
		}
		if q.before != nil {
			if done, err := q.before(ctx, &q); done || err != nil {
				return err
			}
		}
	}
}

// again tells errors that another attempt may heal.
func again(err error) bool {
	switch dicomio.CodeOf(err) {
	case dicomio.CodeUnreachable, dicomio.CodeArchiveFailed:
		return true
	}
	return false
}

// try asks once. wait is how long the server asks to wait before the next
// attempt.
func (c *Client) try(ctx context.Context, q call) (wait time.Duration, err error) {
	limited, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	start, status, size := time.Now(), 0, int64(0)
	defer func() {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		c.opts.Logger.Debug("pacs asked", "op", q.op, "status", status, "bytes", size,
			"ms", time.Since(start).Milliseconds(), "code", dicomio.CodeOf(err))
	}()
	request, err := http.NewRequestWithContext(limited, q.method, c.address(q), bytes.NewReader(q.body))
	if err != nil {
		return 0, fail(dicomio.CodeRefusedThere, q.op, "the request cannot be made", nil)
	}
	request.Header.Set("Accept", q.accept)
	request.Header.Set("User-Agent", "nodulescope")
	if q.contentType != "" {
		request.Header.Set("Content-Type", q.contentType)
	}
	sign, err := c.opts.authorization()
	if err != nil {
		return 0, fail(dicomio.CodeDenied, q.op, "the file with the credentials cannot be read", err)
	}
	sign(request)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, transportError(q.op, err)
	}
	defer response.Body.Close()
	status = response.StatusCode
	if (status < 200 || status > 299) && (q.answers == nil || !q.answers(status)) {
		return retryAfter(response.Header), statusError(q.op, status)
	}
	if e := response.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") { // gzip was undone
		return 0, broken(q.op, "the PACS compressed its answer in a way that was not asked for (Content-Encoding); have it send gzip or none", nil)
	}
	body := &bounded{r: response.Body, left: q.limit}
	err = q.read(status, response.Header, body)
	size = q.limit - body.left
	switch {
	case body.err != nil:
		return 0, transportError(q.op, body.err)
	case body.over:
		return 0, fail(dicomio.CodeLimit, q.op, "the answer is larger than "+strconv.FormatInt(q.limit, 10)+" bytes", nil)
	}
	return 0, err
}

func (c *Client) address(q call) string {
	u := *c.base
	if q.base != nil {
		u = *q.base
	}
	u.Path += "/" + strings.Join(q.path, "/")
	u.RawQuery = q.query.Encode()
	return u.String()
}

// bounded reads a body up to its limit and remembers how it ended, for parsers
// do not say whether the network or the content was to blame.
type bounded struct {
	r    io.Reader
	left int64
	over bool  // there was more than the limit
	err  error // of the connection
}

var errTooLarge = errors.New("the body is too large")

func (b *bounded) Read(p []byte) (int, error) {
	if b.over {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		b.over = true
		n, err = int(b.left), errTooLarge
	}
	b.left -= int64(n)
	if err != nil && !b.over && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// retryAfter reads the header in its form in seconds (RFC 9110 section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}
