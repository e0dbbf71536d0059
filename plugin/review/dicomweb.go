package review

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

const explicitLittle = "1.2.840.10008.1.2.1"

// attribute is an element in the DICOM JSON model (PS3.18 F.2).
type attribute struct {
	VR    string `json:"vr"`
	Value []any  `json:"Value,omitempty"`
}

// seriesOf opens the series that a WADO-RS path names: only those of the work
// list can be.
func (s *Server) seriesOf(r *http.Request, who *signin.Session) (store.Record, *heldSeries, error) {
	study, series := r.PathValue("study"), r.PathValue("series")
	if !validUID(study) || !validUID(series) {
		return store.Record{}, nil, answer.NotFound()
	}
	record, err := found(s.cfg.Store.RecordOfSeries(study, series))
	if err != nil {
		return record, nil, err
	}
	if err := s.auditView(who, record, 0, "images"); err != nil {
		return record, nil, err
	}
	held, err := s.open(r.Context(), record)
	if err != nil {
		return record, nil, s.sourceError(err)
	}
	return record, held, nil
}

// validUID is that of PS3.5 section 9.1.
func validUID(uid string) bool {
	if uid == "" || len(uid) > 64 {
		return false
	}
	for _, c := range []byte(uid) {
		if c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (s *Server) getSeriesMetadata(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	_, held, err := s.seriesOf(r, who)
	if err != nil {
		return err
	}
	list := make([]map[string]attribute, len(held.Slices))
	for i := range list {
		list[i] = metadata(held.Series, i)
	}
	return answer.JSON(w, "application/dicom+json", list)
}

func (s *Server) getInstanceMetadata(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	_, held, err := s.seriesOf(r, who)
	if err != nil {
		return err
	}
	var list []map[string]attribute
	for i, slice := range held.Slices {
		if slice.SOPInstanceUID == r.PathValue("instance") {
			list = append(list, metadata(held.Series, i))
		}
	}
	if list == nil {
		return answer.NotFound()
	}
	return answer.JSON(w, "application/dicom+json", list)
}

// metadata describes a slice as it is served: HU in 16 bits. That of a multi-frame
// image has the number of its frame.
func metadata(s *dicomio.Series, i int) map[string]attribute {
	g, slice := s.Geometry, s.Slices[i]
	row, col := unit(g.ColStep), unit(g.RowStep)
	numbers := func(values ...float64) []any {
		list := make([]any, len(values))
		for k, v := range values {
			list[k] = v
		}
		return list
	}
	texts := func(values ...string) []any {
		list := make([]any, len(values))
		for k, v := range values {
			list[k] = v
		}
		return list
	}
	centers, widths, names := []any{}, []any{}, []any{}
	for _, p := range windowPresets() {
		centers, widths, names = append(centers, p.Center), append(widths, p.Width), append(names, p.Label)
	}
	m := map[string]attribute{
		"00080016": {"UI", texts(slice.SOPClassUID)},
		"00080018": {"UI", texts(slice.SOPInstanceUID)},
		"00080060": {"CS", texts("CT")},
		"00083002": {"UI", texts(explicitLittle)}, // AvailableTransferSyntaxUID
		"00180050": {"DS", numbers(g.SpacingMM[0])},
		"0020000D": {"UI", texts(s.StudyUID)},
		"0020000E": {"UI", texts(s.SeriesUID)},
		"00200013": {"IS", numbers(float64(i + 1))},
		"00200032": {"DS", numbers(slice.Origin[:]...)},
		"00200037": {"DS", numbers(row[0], row[1], row[2], col[0], col[1], col[2])},
		"00200052": {"UI", texts(s.FrameOfReferenceUID)},
		"00280002": {"US", numbers(1)},
		"00280004": {"CS", texts("MONOCHROME2")},
		"00280008": {"IS", numbers(1)},
		"00280010": {"US", numbers(float64(g.Rows))},
		"00280011": {"US", numbers(float64(g.Cols))},
		"00280030": {"DS", numbers(g.SpacingMM[1], g.SpacingMM[2])},
		"00280100": {"US", numbers(16)},
		"00280101": {"US", numbers(16)},
		"00280102": {"US", numbers(15)},
		"00280103": {"US", numbers(1)},
		"00281050": {"DS", centers},
		"00281051": {"DS", widths},
		"00281052": {"DS", numbers(0)},
		"00281053": {"DS", numbers(1)},
		"00281054": {"LO", texts("HU")},
		"00281055": {"LO", names},
	}
	if n := frameNumber(slice); n != nil {
		m["00081160"] = attribute{"IS", numbers(float64(*n))}
	}
	return m
}

func unit(v dicomio.Vec) dicomio.Vec {
	n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
	return dicomio.Vec{v[0] / n, v[1] / n, v[2] / n}
}

// frameOf finds the slice that a path names.
func (s *Server) frameOf(r *http.Request, who *signin.Session) (store.Record, *heldSeries, int, error) {
	record, held, err := s.seriesOf(r, who)
	if err != nil {
		return record, nil, 0, err
	}
	frame, err := strconv.Atoi(r.PathValue("frame"))
	i, there := held.slices[dicomio.ImageRef{SOPInstanceUID: r.PathValue("instance"), Frame: frame - 1}]
	if err != nil || !there {
		return record, nil, 0, answer.NotFound()
	}
	return record, held, i, nil
}

func (s *Server) getFrame(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	record, held, i, err := s.frameOf(r, who)
	if err != nil {
		return err
	}
	pixels, err := framePixels(r.Context(), held.Series, i)
	if err != nil {
		return s.frameError(r, record, err)
	}
	return answerFrame(w, r, pixels)
}

// frameError answers that a slice cannot be read.
func (s *Server) frameError(r *http.Request, record store.Record, err error) error {
	if r.Context().Err() == nil { // a page that went on says nothing of the files
		s.series.Forget(seriesKey(record)) // they may have changed: they are opened anew next time
	}
	return s.sourceError(err)
}

// framePixels are the HU of a slice, rounded to whole ones, as little-endian
// int16.
func framePixels(ctx context.Context, series *dicomio.Series, i int) ([]byte, error) {
	block, err := series.HU(ctx, i, 1)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 2*len(block.HU))
	for k, v := range block.HU {
		binary.LittleEndian.PutUint16(out[2*k:], uint16(rounded(v)))
	}
	return out, nil
}

// windowPixels are the HU of a window of slices, rounded to whole ones.
func windowPixels(ctx context.Context, series *dicomio.Series, first, count int, window image.Rectangle) ([]int16, error) {
	var block dicomio.Block
	if err := series.HUWindowInto(ctx, first, count, window, &block); err != nil {
		return nil, err
	}
	out := make([]int16, 0, count*window.Dx()*window.Dy())
	for z := range count {
		for r := window.Min.Y; r < window.Max.Y; r++ {
			row := block.HU[(z*block.Rows+r)*block.Cols:]
			for _, v := range row[window.Min.X:window.Max.X] {
				out = append(out, rounded(v))
			}
		}
	}
	return out, nil
}

// rounded is HU as a whole number of 16 bits.
func rounded(v float32) int16 {
	hu := math.RoundToEven(float64(v))
	hu = min(max(hu, math.MinInt16), math.MaxInt16)
	if hu != hu { // not a number
		hu = math.MinInt16
	}
	return int16(hu)
}

// answerFrame writes pixels as one part (PS3.18 8.7.1.1), or alone where that
// is what was asked for.
func answerFrame(w http.ResponseWriter, r *http.Request, pixels []byte) error {
	accept := r.Header.Get("Accept")
	if strings.HasPrefix(accept, "application/octet-stream") {
		w.Header().Set("Content-Type", "application/octet-stream; transfer-syntax="+explicitLittle)
		w.Header().Set("Content-Length", strconv.Itoa(len(pixels)))
		_, _ = w.Write(pixels) // a client that went away
		return nil
	}
	boundary := rand.Text()
	head := fmt.Sprintf("--%s\r\nContent-Type: application/octet-stream; transfer-syntax=%s\r\nContent-Length: %d\r\n\r\n", boundary, explicitLittle, len(pixels))
	tail := "\r\n--" + boundary + "--\r\n"
	w.Header().Set("Content-Type", `multipart/related; type="application/octet-stream"; boundary=`+boundary)
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(pixels)+len(tail)))
	for _, part := range [][]byte{[]byte(head), pixels, []byte(tail)} {
		if _, err := w.Write(part); err != nil {
			break // a client that went away
		}
	}
	return nil
}
