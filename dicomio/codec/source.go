package codec

import (
	"compress/flate"
	"errors"
	"io"
	"math"
)

// Source is the bytes of a file, such as a *bytes.Reader or an open file with
// its size.
type Source interface {
	io.ReaderAt
	// Size is the length in bytes.
	Size() int64
}

// inflated reads a deflated data set (PS3.5 A.5) or file as far as it is asked for. It
// holds everything inflated so far, and never more than limit bytes.
type inflated struct {
	r     io.Reader
	buf   []byte
	limit int64
	ended error // io.EOF at the true end; another error where the stream is broken
}

func newInflated(r io.Reader, limit int64) *inflated {
	return &inflated{r: flate.NewReader(r), limit: limit}
}

// Unpacked reads a file that r inflates, as far as it is asked for. It holds
// everything inflated so far, and never more than limit bytes: what is behind them
// is an error of code CodeLimit.
func Unpacked(r io.Reader, limit int64) Source { return &inflated{r: r, limit: limit} }

// Size is math.MaxInt64 where the end is not known yet.
func (d *inflated) Size() int64 {
	if d.ended != nil {
		return int64(len(d.buf))
	}
	return math.MaxInt64
}

func (d *inflated) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	want := d.limit
	if off < d.limit-int64(len(p)) {
		want = off + int64(len(p))
	}
	for int64(len(d.buf)) < want && d.ended == nil {
		d.grow(want)
	}
	var n int
	if off < int64(len(d.buf)) {
		n = copy(p, d.buf[off:])
	}
	switch {
	case n == len(p):
		return n, nil
	case d.ended != nil:
		return n, d.ended
	}
	return n, refuse(CodeLimit, "what is compressed inflates to more than any image needs", nil)
}

// grow inflates one more piece, at most up to want.
func (d *inflated) grow(want int64) {
	const piece = 64 << 10
	n := min(int64(piece), want-int64(len(d.buf)))
	start := len(d.buf)
	d.buf = append(d.buf, make([]byte, n)...)
	got, err := io.ReadFull(d.r, d.buf[start:])
	d.buf = d.buf[:start+got]
	defer func() {
		if d.ended != nil {
			d.r = nil // what it reads may be large, or be closed
		}
	}()
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		d.ended = io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF) && d.atEnd():
		d.ended = io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		d.ended = refuse(CodeTruncated, "what is compressed is cut short; fetch the file again", err)
	default:
		d.ended = refuse(CodeUnreadable, "what is compressed is corrupt; fetch the file again", err)
	}
}

// atEnd tells a stream that ended properly, so that only the last piece was
// short, from one that was cut: flate reports io.EOF only after a final block.
func (d *inflated) atEnd() bool {
	var one [1]byte
	_, err := d.r.Read(one[:])
	return errors.Is(err, io.EOF)
}
