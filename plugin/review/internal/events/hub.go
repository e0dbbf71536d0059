// Package events hands what happens to who listens, and keeps the newest events
// for who comes back after a lost connection.
//
// # Ids
//
// An event's id is the epoch of the process and a number: ids of another process
// mean nothing, and who comes with one starts anew.
//
// # Limits
//
// 1024 events are kept. At most 128 listen, 6 of them for one user; who does not
// take 64 events in time is cut off.
package events

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

const (
	keptEvents    = 1024
	maxStreams    = 128
	maxUserStream = 6
	streamBuffer  = 64
)

// Event is one thing that happened. Data is JSON.
type Event struct {
	ID   string
	Kind string
	Data []byte
}

// Hub is safe for concurrent use.
type Hub struct {
	mu     sync.Mutex
	epoch  string // of this process
	last   uint64
	kept   []Event // the newest, the last one being number last
	subs   map[*Subscriber]bool
	byUser map[string]int
}

// Subscriber listens.
type Subscriber struct {
	user string
	ch   chan Event
}

// Events brings what happens; it is closed for a subscriber that does not keep
// up.
func (s *Subscriber) Events() <-chan Event { return s.ch }

// New makes a hub with an epoch of its own.
func New() *Hub {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return &Hub{epoch: hex.EncodeToString(b[:]), subs: map[*Subscriber]bool{}, byUser: map[string]int{}}
}

func (h *Hub) name(n uint64) string { return fmt.Sprintf("%s-%d", h.epoch, n) }

// LastID names the newest event.
func (h *Hub) LastID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.name(h.last)
}

// Send tells an event to everybody. Who does not keep up is cut off, and comes
// back with the last id that it has seen.
func (h *Hub) Send(kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return // maps of strings and numbers
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e := Event{h.name(h.last), kind, text}
	h.kept = append(h.kept[max(0, len(h.kept)-keptEvents+1):], e)
	for sub := range h.subs {
		select {
		case sub.ch <- e:
		default:
			h.drop(sub)
		}
	}
}

// Subscribe listens from the event after last on; "" means from now on. now is
// the id of the newest event, complete is false where what came after last is
// not kept any more, and sub is nil where too many listen.
func (h *Hub) Subscribe(user, last string) (sub *Subscriber, missed []Event, now string, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) >= maxStreams || h.byUser[user] >= maxUserStream {
		return nil, nil, "", false
	}
	missed, complete = h.after(last)
	sub = &Subscriber{user, make(chan Event, streamBuffer)}
	h.subs[sub] = true
	h.byUser[user]++
	return sub, missed, h.name(h.last), complete
}

func (h *Hub) after(last string) (missed []Event, complete bool) {
	if last == "" {
		return nil, true
	}
	epoch, number, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || epoch != h.epoch || n > h.last || h.last-n > uint64(len(h.kept)) {
		return nil, false
	}
	return append([]Event(nil), h.kept[len(h.kept)-int(h.last-n):]...), true
}

// Unsubscribe ends listening. Twice does no harm.
func (h *Hub) Unsubscribe(sub *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(sub)
}

func (h *Hub) drop(sub *Subscriber) {
	if !h.subs[sub] {
		return
	}
	delete(h.subs, sub)
	if h.byUser[sub.user]--; h.byUser[sub.user] <= 0 {
		delete(h.byUser, sub.user)
	}
	close(sub.ch)
}
