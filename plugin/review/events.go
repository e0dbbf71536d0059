package review

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/events"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
)

// heartbeat is how often a quiet stream says that it is there.
const heartbeat = 15 * time.Second

func (s *Server) getEvents(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last_event_id")
	}
	sub, missed, now, complete := s.cfg.Store.Events.Subscribe(who.User(), last)
	if sub == nil {
		w.Header().Set("Retry-After", "10")
		return answer.Fail(http.StatusTooManyRequests, answer.CodeTooManyStreams, "too many event streams are open", nil)
	}
	defer s.cfg.Store.Events.Unsubscribe(sub)
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not hold it back
	write := func(format string, args ...any) error {
		if err := out.SetWriteDeadline(time.Now().Add(2 * heartbeat)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return err
		}
		return out.Flush()
	}
	send := func(e events.Event) error { return write("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Kind, e.Data) }
	start := "event: hello\ndata: {}\n\n"
	if !complete {
		start = "event: reset\ndata: {}\n\n"
	}
	if len(missed) == 0 {
		start = "id: " + now + "\n" + start // with more to come its id would be too new
	}
	if err := write("retry: 2000\n%s", start); err != nil {
		return nil // a client that went away
	}
	for _, e := range missed {
		if send(e) != nil {
			return nil
		}
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return nil
		case <-s.stopped.Done():
			return nil
		case e, open := <-sub.Events():
			if !open { // it did not keep up, and comes back
				return nil
			}
			if !s.gate.Open(who) {
				return nil
			}
			err = send(e)
		case <-beat.C:
			if !s.gate.StillUser(who) {
				return nil
			}
			err = write("event: heartbeat\ndata: {}\n\n")
		}
		if err != nil {
			return nil
		}
	}
}
