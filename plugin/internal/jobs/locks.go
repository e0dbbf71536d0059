package jobs

import (
	"context"
	"sync"
)

// keyLocks are locks by name.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits until nobody holds key, or ctx ends.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		unlock, held := l.take(key)
		if held == nil {
			return unlock, nil
		}
		select {
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryLock is lock for who must not wait: errBusy where somebody holds key.
func (l *keyLocks) tryLock(_ context.Context, key string) (unlock func(), err error) {
	unlock, held := l.take(key)
	if held != nil {
		return nil, errBusy
	}
	return unlock, nil
}

// take takes key where nobody holds it; otherwise held is closed when it is let
// go.
func (l *keyLocks) take(key string) (unlock func(), held <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	if held, taken := l.held[key]; taken {
		return nil, held
	}
	mine := make(chan struct{})
	l.held[key] = mine
	return func() {
		l.mu.Lock()
		delete(l.held, key)
		l.mu.Unlock()
		close(mine)
	}, nil
}
