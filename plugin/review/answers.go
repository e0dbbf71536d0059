package review

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

func (s *Server) putDecision(w http.ResponseWriter, r *http.Request, who *session) error {
	record, err := s.record(r)
	if err != nil {
		return err
	}
	n, err := number(r, record)
	if err != nil {
		return err
	}
	var in NewDecision
	if err := readJSON(r, &in); err != nil {
		return err
	}
	kept, entry, err := s.cfg.Store.Decide(record, n, in, who.who.name, s.now())
	switch {
	case errors.Is(err, errConflict):
		p := fail(http.StatusConflict, codeConflict, "another decision came first; look at it, then decide on its version", nil)
		if kept.Version > 0 {
			p.Current = &kept
		} else {
			p.Detail = "base_version is not a version of this finding's decision"
		}
		return p
	case errors.Is(err, errSuperseded):
		p := fail(http.StatusConflict, codeSuperseded, "a newer result is there; decide on that one", nil)
		if now, err := s.cfg.Store.Record(record.ID); err == nil {
			p.CurrentSeries = now.SupersededBy
		}
		return p
	case errors.Is(err, errNotFound), errors.Is(err, errInvalid):
		return err
	case err != nil:
		return fail(http.StatusInternalServerError, codeLedger, "the decision was not kept; is the disk full? Try again", err)
	}
	if entry != 0 {
		s.log.Debug("decision kept", "entry", entry)
		if err := s.cfg.Publisher.Kept(entry); err != nil {
			return fail(http.StatusInternalServerError, codeAudit, "the decision is kept, but the audit trail cannot be written now; it follows", err)
		}
	}
	return answerJSON(w, "application/json", kept)
}

func (s *Server) getDecisions(w http.ResponseWriter, r *http.Request, who *session) error {
	record, err := s.record(r)
	if err != nil {
		return err
	}
	n, err := number(r, record)
	if err != nil {
		return err
	}
	if err := s.auditView(who, record, n, "decisions"); err != nil {
		return err
	}
	list, err := s.cfg.Store.versions(record.ID, n)
	if err != nil {
		return fail(http.StatusInternalServerError, codeLedger, "the ledger cannot be read", err)
	}
	return answerJSON(w, "application/json", map[string]any{"decisions": list})
}

// heartbeat is how often a quiet stream says that it is there.
const heartbeat = 15 * time.Second

func (s *Server) getEvents(w http.ResponseWriter, r *http.Request, who *session) error {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last_event_id")
	}
	sub, missed, now, complete := s.cfg.Store.events.subscribe(who.who.name, last)
	if sub == nil {
		w.Header().Set("Retry-After", "10")
		return fail(http.StatusTooManyRequests, codeTooManyStreams, "too many streams of events are open", nil)
	}
	defer s.cfg.Store.events.unsubscribe(sub)
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
	send := func(e event) error { return write("id: %s\nevent: %s\ndata: %s\n\n", e.id, e.kind, e.data) }
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
		case e, open := <-sub.ch:
			if !open { // it did not keep up, and comes back
				return nil
			}
			if !s.sessions.alive(who, s.now()) {
				return nil
			}
			err = send(e)
		case <-beat.C:
			if !s.sessions.alive(who, s.now()) || s.stillUser(who) != nil {
				return nil
			}
			err = write("event: heartbeat\ndata: {}\n\n")
		}
		if err != nil {
			return nil
		}
	}
}
