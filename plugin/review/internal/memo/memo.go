// Package memo keeps the newest values of what takes long to make, and makes
// each value once however many ask for it at the same time.
//
// It joins golang.org/x/sync/singleflight with hashicorp/golang-lru/v2. What is
// ours is between them: who asks can leave before the value is there; a value
// whose maker left is made again for those who stay; a panic, which singleflight
// makes one of the process, becomes an error.
package memo

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// ErrPanicked says that making a value failed within the program. What it said
// is left out: it may name a patient.
var ErrPanicked = errors.New("memo: making the value failed within the program")

// Memo is safe for concurrent use. Values that it returns are shared: nobody
// changes them.
type Memo[V any] struct {
	fresh   time.Duration
	kept    *lru.Cache[string, made[V]]
	flights singleflight.Group

	size  func(V) int // bytes of a value; nil: they are not counted
	limit int64
	held  atomic.Int64
}

type made[V any] struct {
	value V
	at    time.Time
}

// New keeps at most size values, those that were asked for last, and each for as
// long as fresh; 0 is for ever.
func New[V any](size int, fresh time.Duration) *Memo[V] {
	kept, err := lru.New[string, made[V]](size)
	if err != nil {
		panic("memo: " + err.Error()) // the size is not positive
	}
	return &Memo[V]{fresh: fresh, kept: kept}
}

// most is more values than fit into the bytes of a [NewSized].
const most = 1 << 20

// NewSized keeps values as long as they have at most so many bytes together, as
// size counts them: those that were asked for last.
func NewSized[V any](limit int64, size func(V) int) *Memo[V] {
	m := &Memo[V]{size: size, limit: limit}
	kept, err := lru.NewWithEvict(most, func(_ string, gone made[V]) { m.held.Add(-int64(size(gone.value))) })
	if err != nil {
		panic("memo: " + err.Error()) // most is positive
	}
	m.kept = kept
	return m
}

// keep adds a value, and lets the oldest ones go where there is no room.
func (m *Memo[V]) keep(key string, v V) {
	if m.size == nil {
		m.kept.Add(key, made[V]{v, time.Now()})
		return
	}
	m.kept.Remove(key) // is not told when it is replaced
	m.held.Add(int64(m.size(v)))
	m.kept.Add(key, made[V]{v, time.Now()})
	for m.held.Load() > m.limit {
		if _, _, there := m.kept.RemoveOldest(); !there {
			return
		}
	}
}

// Get returns the value of a key: the one that is kept, or the one that make
// makes now. An error is returned to all who wait, and not kept. make gets the
// context of the first who asks.
func (m *Memo[V]) Get(ctx context.Context, key string, make func(context.Context) (V, error)) (V, error) {
	var none V
	for {
		if v, there := m.find(key); there {
			return v, nil
		}
		flight := m.flights.DoChan(key, func() (any, error) {
			if v, there := m.find(key); there { // made between the two looks
				return v, nil
			}
			v, err := safely(ctx, make)
			if err == nil {
				m.keep(key, v)
			}
			return v, err
		})
		select {
		case <-ctx.Done():
			return none, ctx.Err()
		case r := <-flight:
			if errors.Is(r.Err, context.Canceled) && ctx.Err() == nil {
				continue // who made it for all has left
			}
			if r.Err != nil {
				return none, r.Err
			}
			return r.Val.(V), nil
		}
	}
}

func (m *Memo[V]) find(key string) (v V, there bool) {
	got, there := m.kept.Get(key)
	if !there || m.fresh > 0 && time.Since(got.at) > m.fresh {
		return v, false
	}
	return got.value, true
}

// Forget has the value of a key made anew when it is asked for next.
func (m *Memo[V]) Forget(key string) {
	m.kept.Remove(key)
	m.flights.Forget(key)
}

func safely[V any](ctx context.Context, make func(context.Context) (V, error)) (v V, err error) {
	defer func() {
		if recover() != nil {
			err = ErrPanicked
		}
	}()
	return make(ctx)
}
