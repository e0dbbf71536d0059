package review

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
)

// Limits of what is computed for pictures.
const (
	maxPictures  = 64 // explanations that are kept, about 350 KiB each
	pictureTime  = 2 * time.Minute
	pictureQueue = 8 // requests that wait for one
	sameScore    = 1e-6
)

// pictureCache keeps the newest explanations and computes one at a time.
type pictureCache struct {
	busy  chan struct{}
	queue chan struct{}

	mu    sync.Mutex
	kept  map[string]Explanation
	order []string // oldest first
}

func newPictureCache() *pictureCache {
	return &pictureCache{busy: make(chan struct{}, 1), queue: make(chan struct{}, pictureQueue), kept: map[string]Explanation{}}
}

func (c *pictureCache) find(key string) (Explanation, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, there := c.kept[key]
	return e, there
}

func (c *pictureCache) keep(key string, e Explanation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.kept[key]; there {
		return
	}
	if len(c.order) >= maxPictures {
		delete(c.kept, c.order[0])
		c.order = slices.Delete(c.order, 0, 1)
	}
	c.kept[key], c.order = e, append(c.order, key)
}

// get returns the explanation of a key, computed now where it is not kept.
func (c *pictureCache) get(ctx context.Context, key string, compute func(context.Context) (Explanation, error)) (Explanation, error) {
	if e, there := c.find(key); there {
		return e, nil
	}
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return Explanation{}, fail(http.StatusServiceUnavailable, codeBusy, "too many pictures are asked for at once; try again", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-ctx.Done():
		return Explanation{}, ctx.Err()
	}
	if e, there := c.find(key); there { // somebody else asked for the same
		return e, nil
	}
	e, err := compute(ctx)
	if err == nil {
		c.keep(key, e)
	}
	return e, err
}

func (s *Server) getImage(w http.ResponseWriter, r *http.Request, who *session) error {
	record, err := s.record(r)
	if err != nil {
		return err
	}
	n, err := number(r, record)
	if err != nil {
		return err
	}
	kind, v := r.PathValue("kind"), r.URL.Query()
	if !slices.Contains([]string{"scan", "patch", "support", "reconstruction", "residual"}, kind) {
		return notFound()
	}
	view, err := parseView(v.Get("format"), v.Get("plane"), v.Get("index"), v.Get("scale"))
	if err != nil {
		return err
	}
	var score *bus.NoduleScore
	if kind == "reconstruction" || kind == "residual" {
		if score, err = modelOf(&record.Result.Nodules[n-1], v.Get("model")); err != nil {
			return err
		}
	}
	if err := s.auditView(who, record, n, "pictures"); err != nil {
		return err
	}
	e, err := s.explain(r.Context(), record, n, score)
	if err != nil {
		return err
	}
	if score != nil {
		same := e.Score != nil && math.Abs(e.Score.Raw-score.Raw) <= sameScore*max(1, math.Abs(score.Raw))
		w.Header().Set("Nodulescope-Reproduced", strconv.FormatBool(same))
	}
	return view.answer(w, kind, e.values(kind))
}

// modelOf picks a score by the name of its model.
func modelOf(n *bus.ResultNodule, name string) (*bus.NoduleScore, error) {
	if len(n.Scores) == 0 {
		return nil, fail(http.StatusConflict, codeNoPatch, "no model has scored this finding", nil)
	}
	if name == "" && len(n.Scores) == 1 {
		return &n.Scores[0], nil
	}
	for i := range n.Scores {
		if n.Scores[i].Model == name {
			return &n.Scores[i], nil
		}
	}
	return nil, fail(http.StatusBadRequest, codeModelNeeded, "name one of the models that scored this finding", nil)
}

// explain computes what a picture needs, or takes it from the cache.
func (s *Server) explain(ctx context.Context, r Record, number int, score *bus.NoduleScore) (Explanation, error) {
	digest := ""
	if score != nil {
		digest = score.Digest
	}
	key := r.ID + " " + strconv.Itoa(number) + " " + digest
	e, err := s.pictures.get(ctx, key, func(ctx context.Context) (Explanation, error) {
		return s.cfg.Source.Explain(ctx, r, number, digest)
	})
	var known *problem
	switch {
	case err == nil:
		return e, nil
	case errors.As(err, &known):
		return e, err
	case errors.Is(err, ErrNotLoaded):
		return e, fail(http.StatusConflict, codeModelNotLoaded, "the service runs another model than the one that scored this finding", nil)
	case errors.Is(err, ErrNoPatch):
		return e, fail(http.StatusConflict, codeNoPatch, "this finding has no patch: too much of it lies outside the scan", nil)
	}
	return e, s.sourceError(err)
}

// values are the voxels of one kind of image.
func (e Explanation) values(kind string) []float32 {
	switch kind {
	case "scan":
		return e.Scan
	case "patch":
		return e.Patch.Voxels
	case "support":
		return e.Patch.Support
	case "reconstruction":
		return e.Score.Reconstruction
	}
	residual := make([]float32, nodule.PatchVoxels)
	for i := range residual {
		if e.Patch.Support[i] != 0 {
			residual[i] = float32(math.Abs(float64(e.Patch.Voxels[i] - e.Score.Reconstruction[i])))
		}
	}
	return residual
}

// view says how an image is answered.
type view struct {
	png          bool
	plane        string
	index, scale int
}

func parseView(format, plane, index, scale string) (v view, err error) {
	v = view{plane: "axial", index: nodule.PatchSize / 2, scale: 8}
	switch format {
	case "", "raw":
	case "png":
		v.png = true
	default:
		return v, invalid("format is raw or png")
	}
	if plane != "" {
		v.plane = plane
	}
	if !slices.Contains([]string{"axial", "coronal", "sagittal"}, v.plane) {
		return v, invalid("plane is axial, coronal or sagittal")
	}
	for text, into := range map[string]*int{index: &v.index, scale: &v.scale} {
		if text == "" {
			continue
		}
		if *into, err = strconv.Atoi(text); err != nil {
			return v, invalid("index and scale are numbers")
		}
	}
	if v.index < 0 || v.index >= nodule.PatchSize || v.scale < 1 || v.scale > 16 {
		return v, invalid("index is 0 to 27, scale 1 to 16")
	}
	return v, nil
}

func (v view) answer(w http.ResponseWriter, kind string, values []float32) error {
	if len(values) != nodule.PatchVoxels {
		return errors.New("an image of a finding has another size than 28³")
	}
	if !v.png {
		out := make([]byte, 0, 4*len(values))
		for _, x := range values {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(out) // a client that went away
		return nil
	}
	var b bytes.Buffer
	if err := png.Encode(&b, v.draw(kind, values)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(b.Bytes()) // a client that went away
	return nil
}

// draw makes a plane as a radiologist looks at it: the patient's right on the
// left of axial and coronal planes, the front on the left of sagittal ones, the
// head above.
func (v view) draw(kind string, values []float32) image.Image {
	const n = nodule.PatchSize
	img := image.NewRGBA(image.Rect(0, 0, n*v.scale, n*v.scale))
	for py := range n * v.scale {
		for px := range n * v.scale {
			across, down := px/v.scale, py/v.scale
			z, y, x := v.index, down, across
			switch v.plane {
			case "coronal":
				z, y, x = n-1-down, v.index, across
			case "sagittal":
				z, y, x = n-1-down, across, v.index
			}
			img.SetRGBA(px, py, shade(kind, values[(z*n+y)*n+x]))
		}
	}
	return img
}

// fullResidual is the difference that has the hottest colour: 560 HU.
const fullResidual = 0.4

func shade(kind string, v float32) color.RGBA {
	if v < 0 || v != v {
		return color.RGBA{34, 42, 58, 255} // no data
	}
	if kind == "residual" {
		return heat(min(v/fullResidual, 1))
	}
	g := uint8(math.Round(255 * float64(min(v, 1))))
	return color.RGBA{g, g, g, 255}
}

// heat runs from black over red and yellow to white.
func heat(t float32) color.RGBA {
	channel := func(from float32) uint8 {
		return uint8(math.Round(255 * float64(min(max((t-from)*3, 0), 1))))
	}
	return color.RGBA{channel(0), channel(1.0 / 3), channel(2.0 / 3), 255}
}
