package review

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Limits of the stream of events.
const (
	keptEvents    = 1024
	maxStreams    = 128
	maxUserStream = 6
	streamBuffer  = 64
)

// event is one thing that happened.
type event struct {
	id   string
	kind string
	data []byte
}

// hub hands events to who listens and keeps the newest for who comes back.
type hub struct {
	mu     sync.Mutex
	epoch  string // of this process: numbers of another mean nothing
	last   uint64
	kept   []event // the newest, the last one being number last
	subs   map[*subscriber]bool
	byUser map[string]int
}

type subscriber struct {
	user string
	ch   chan event
}

func newHub() *hub {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return &hub{epoch: hex.EncodeToString(b[:]), subs: map[*subscriber]bool{}, byUser: map[string]int{}}
}

func (h *hub) name(n uint64) string { return fmt.Sprintf("%s-%d", h.epoch, n) }

// lastID names the newest event.
func (h *hub) lastID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.name(h.last)
}

// send tells an event to everybody. Who does not keep up is cut off, and comes
// back with the last id that it has seen.
func (h *hub) send(kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return // maps of strings and numbers
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e := event{h.name(h.last), kind, text}
	h.kept = append(h.kept[max(0, len(h.kept)-keptEvents+1):], e)
	for sub := range h.subs {
		select {
		case sub.ch <- e:
		default:
			h.drop(sub)
		}
	}
}

// subscribe listens from the event after last on; "" means from now on.
// complete is false where what came after last is not kept any more.
func (h *hub) subscribe(user, last string) (sub *subscriber, missed []event, now string, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) >= maxStreams || h.byUser[user] >= maxUserStream {
		return nil, nil, "", false
	}
	missed, complete = h.after(last)
	sub = &subscriber{user, make(chan event, streamBuffer)}
	h.subs[sub] = true
	h.byUser[user]++
	return sub, missed, h.name(h.last), complete
}

func (h *hub) after(last string) (missed []event, complete bool) {
	if last == "" {
		return nil, true
	}
	epoch, number, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || epoch != h.epoch || n > h.last || h.last-n > uint64(len(h.kept)) {
		return nil, false
	}
	return append([]event(nil), h.kept[len(h.kept)-int(h.last-n):]...), true
}

func (h *hub) unsubscribe(sub *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(sub)
}

func (h *hub) drop(sub *subscriber) {
	if !h.subs[sub] {
		return
	}
	delete(h.subs, sub)
	if h.byUser[sub.user]--; h.byUser[sub.user] <= 0 {
		delete(h.byUser, sub.user)
	}
	close(sub.ch)
}
