package review

import (
	"context"
	"encoding/binary"
	"net/http"
	"strconv"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/packed"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
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
		hu := make([]int16, len(pixels)/2)
		for k := range hu {
			hu[k] = int16(binary.LittleEndian.Uint16(pixels[2*k:])) //nolint:gosec // as it was written
		}
		return packed.Pack(hu, held.Geometry.Rows, held.Geometry.Cols)
	})
	if err != nil {
		return s.frameError(r, record, err)
	}
	body := part(slice)
	w.Header().Set("Content-Type", "application/vnd.nodulescope.slice")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that went away
	return nil
}
