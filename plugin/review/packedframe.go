package review

import (
	"context"
	"encoding/binary"
	"image"
	"net/http"
	"strconv"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/packed"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// getPackedFrame answers a slice compressed, whole or one of its two parts.
func (s *Server) getPackedFrame(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	var part func(packed.Slice) []byte
	switch r.URL.Query().Get("part") {
	case "", "whole":
		part = packed.Slice.Whole
	case "reduced":
		part = func(p packed.Slice) []byte { return p.Reduced }
	case "rest":
		part = func(p packed.Slice) []byte { return p.Rest }
	default:
		return answer.Invalid("part is whole, reduced or rest")
	}
	record, held, i, err := s.frameOf(r, who)
	if err != nil {
		return err
	}
	slice, err := s.packed.Get(r.Context(), held.opened+" "+strconv.Itoa(i), func(ctx context.Context) (packed.Slice, error) {
		pixels, err := framePixels(ctx, held.Series, i)
		if err != nil {
			return packed.Slice{}, err
		}
		return packed.Pack(numbers(pixels), held.Geometry.Rows, held.Geometry.Cols)
	})
	if err != nil {
		return s.frameError(r, record, err)
	}
	return answerPacked(w, part(slice))
}

// numbers are the HU that framePixels has written.
func numbers(pixels []byte) []int16 {
	hu := make([]int16, len(pixels)/2)
	for k := range hu {
		hu[k] = int16(binary.LittleEndian.Uint16(pixels[2*k:])) //nolint:gosec // as it was written
	}
	return hu
}

func answerPacked(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Type", "application/vnd.nodulescope.slice")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that went away
	return nil
}

// maxRegion is how many voxels one answer has: 100 slices of 200 x 200.
const maxRegion = 4 << 20

// getRegion answers a window of several slices, compressed as one slice: their rows
// one below the other.
func (s *Server) getRegion(w http.ResponseWriter, r *http.Request, _ *signin.Session, record store.Record) error {
	var n [6]int
	for i, name := range []string{"first", "count", "left", "top", "cols", "rows"} {
		v, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil || v < 0 || v > 1<<16 {
			return answer.Invalid(name + " is a number from 0")
		}
		n[i] = v
	}
	first, count, cols, rows := n[0], n[1], n[4], n[5]
	held, err := s.open(r.Context(), record)
	if err != nil {
		return s.sourceError(err)
	}
	g, window := held.Geometry, image.Rect(n[2], n[3], n[2]+cols, n[3]+rows)
	if cols < 2 || rows < 2 || !window.In(image.Rect(0, 0, g.Cols, g.Rows)) || count < 1 || first+count > g.Slices || count > maxRegion/(cols*rows) {
		return answer.Invalid("the region is empty, too large, or not within the series")
	}
	block, err := windowPixels(r.Context(), held.Series, first, count, window)
	if err != nil {
		return s.frameError(r, record, err)
	}
	slice, err := packed.Pack(block, count*rows, cols)
	if err != nil {
		return err
	}
	return answerPacked(w, slice.Whole())
}
