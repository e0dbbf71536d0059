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
// number of bytes. Several callers that want the same image wait for one fetch.
type images struct {
	fetch func(ctx context.Context, uid string) ([]byte, error)
	limit int64

	mu     sync.Mutex
	held   map[string]*list.Element // of *image
	order  *list.List               // newest first
	bytes  int64
	coming map[string]chan struct{}
	lost   error // why the PACS could not be reached
	until  time.Time
}

type image struct {
	uid  string
	file []byte
}

func newImages(limit int64, fetch func(ctx context.Context, uid string) ([]byte, error)) *images {
	return &images{fetch: fetch, limit: limit, held: map[string]*list.Element{}, order: list.New(), coming: map[string]chan struct{}{}}
}

// Image is dicomio.Remote.
func (m *images) Image(ctx context.Context, uid string) ([]byte, error) {
	for {
		m.mu.Lock()
		if e := m.held[uid]; e != nil {
			m.order.MoveToFront(e)
			m.mu.Unlock()
			return e.Value.(*image).file, nil
		}
		if m.lost != nil && time.Now().Before(m.until) {
			m.mu.Unlock()
			return nil, m.lost
		}
		wait, busy := m.coming[uid]
		if !busy {
			m.coming[uid] = make(chan struct{})
			m.mu.Unlock()
			return m.get(ctx, uid)
		}
		m.mu.Unlock()
		select {
		case <-wait: // it is held now, or this caller tries
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (m *images) get(ctx context.Context, uid string) ([]byte, error) {
	file, err := m.fetch(ctx, uid)
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.coming[uid])
	delete(m.coming, uid)
	if err != nil {
		if dicomio.CodeOf(err) == dicomio.CodeUnreachable {
			m.lost, m.until = err, time.Now().Add(restTime)
		}
		return nil, err
	}
	m.lost = nil
	m.keep(uid, file)
	return file, nil
}

func (m *images) keep(uid string, file []byte) {
	if int64(len(file)) > m.limit {
		return
	}
	m.held[uid] = m.order.PushFront(&image{uid, file})
	m.bytes += int64(len(file))
	for m.bytes > m.limit {
		oldest := m.order.Back()
		im := m.order.Remove(oldest).(*image)
		m.bytes -= int64(len(im.file))
		delete(m.held, im.uid)
	}
}
