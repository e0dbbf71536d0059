package web

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
)

// restTime is how long a series does not ask a PACS again that was not there:
// what decodes many slices learns it once, not slice by slice.
const restTime = 5 * time.Second

// images fetches the images of one series and keeps the last ones, up to a
// number of bytes, or one that is larger. Several callers that want the same image
// wait for one fetch.
type images struct {
	file, frame fetcher
	limit       int64

	mu     sync.Mutex
	held   map[string]*list.Element // of *image
	order  *list.List               // newest first
	bytes  int64
	coming map[string]chan struct{}
	lost   error // why the PACS could not be reached
	until  time.Time
}

// fetcher gets the file of an instance, or the pixels of it and the syntax that
// they are in.
type fetcher func(ctx context.Context, uid string) (b []byte, syntax string, err error)

// image is a file, or the pixels of one.
type image struct {
	key    string
	bytes  []byte
	syntax string
}

func newImages(limit int64, file, frame fetcher) *images {
	return &images{file: file, frame: frame, limit: limit, held: map[string]*list.Element{}, order: list.New(), coming: map[string]chan struct{}{}}
}

// Image is dicomio.Remote.
func (m *images) Image(ctx context.Context, uid string) ([]byte, error) {
	im, err := m.image(ctx, uid, uid, m.file)
	return im.bytes, err
}

// Frame is dicomio.RemoteFrames.
func (m *images) Frame(ctx context.Context, uid string) ([]byte, string, error) {
	im, err := m.image(ctx, uid, uid+"/frames/1", m.frame)
	return im.bytes, im.syntax, err
}

func (m *images) image(ctx context.Context, uid, key string, fetch fetcher) (image, error) {
	for {
		m.mu.Lock()
		if e := m.held[key]; e != nil {
			m.order.MoveToFront(e)
			m.mu.Unlock()
			return *e.Value.(*image), nil
		}
		if m.lost != nil && time.Now().Before(m.until) {
			m.mu.Unlock()
			return image{}, m.lost
		}
		wait, busy := m.coming[key]
		if !busy {
			m.coming[key] = make(chan struct{})
			m.mu.Unlock()
			return m.get(ctx, uid, key, fetch)
		}
		m.mu.Unlock()
		select {
		case <-wait: // it is held now, or this caller tries
		case <-ctx.Done():
			return image{}, ctx.Err()
		}
	}
}

func (m *images) get(ctx context.Context, uid, key string, fetch fetcher) (image, error) {
	b, syntax, err := fetch(ctx, uid)
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.coming[key])
	delete(m.coming, key)
	if err != nil {
		if dicomio.CodeOf(err) == dicomio.CodeUnreachable {
			m.lost, m.until = err, time.Now().Add(restTime)
		}
		return image{}, err
	}
	m.lost = nil
	im := image{key, b, syntax}
	m.keep(im)
	return im, nil
}

// keep holds an image, and the last one also where it is larger than all may be:
// the frames of a multi-frame image are asked for one after another.
func (m *images) keep(im image) {
	m.held[im.key] = m.order.PushFront(&im)
	m.bytes += int64(len(im.bytes))
	for m.bytes > m.limit && m.order.Len() > 1 {
		oldest := m.order.Back()
		im := m.order.Remove(oldest).(*image)
		m.bytes -= int64(len(im.bytes))
		delete(m.held, im.key)
	}
}
