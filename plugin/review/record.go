package review

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// recordHandler answers about a record.
type recordHandler func(w http.ResponseWriter, r *http.Request, who *signin.Session, record store.Record) error

// ofRecord loads the record that a path names, and notes that who is signed in
// sees what of it.
func (s *Server) ofRecord(what string, h recordHandler) signin.Handler {
	return func(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
		record, err := s.record(r)
		if err != nil {
			return err
		}
		if err := s.auditView(who, record, 0, what); err != nil {
			return err
		}
		return h(w, r, who, record)
	}
}

// findingOf is one nodule of a record.
type findingOf struct {
	store.Record
	number int // from 1
}

type findingHandler func(w http.ResponseWriter, r *http.Request, who *signin.Session, f findingOf) error

// ofFinding is ofRecord for a finding. Without what, noting is left to the
// handler.
func (s *Server) ofFinding(what string, h findingHandler) signin.Handler {
	return func(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
		record, err := s.record(r)
		if err != nil {
			return err
		}
		n, err := number(r, record)
		if err != nil {
			return err
		}
		if what != "" {
			if err := s.auditView(who, record, n, what); err != nil {
				return err
			}
		}
		return h(w, r, who, findingOf{record, n})
	}
}

// record finds the record that a path names.
func (s *Server) record(r *http.Request) (store.Record, error) {
	id := r.PathValue("id")
	if !store.ValidID(id) {
		return store.Record{}, noSeries()
	}
	return found(s.cfg.Store.Record(id))
}

// found makes a problem of a record that cannot be had.
func found(record store.Record, err error) (store.Record, error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return record, noSeries()
	case err != nil:
		return record, answer.LedgerRead(err)
	}
	return record, nil
}

func noSeries() error {
	return answer.Fail(http.StatusNotFound, answer.CodeNotFound, "series not found", nil)
}

// number of the finding that a path names, checked against the record.
func number(r *http.Request, record store.Record) (int, error) {
	text := r.PathValue("number")
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text || record.Result == nil || n < 1 || n > len(record.Result.Nodules) {
		return 0, answer.NotFound()
	}
	return n, nil
}

// auditView notes that somebody sees a series, or a finding of it, once a
// session and kind.
func (s *Server) auditView(who *signin.Session, r store.Record, number int, what string) error {
	e := store.Entry{Kind: "view", User: who.User(), Identities: []string{r.ID}, Number: number, Detail: what}
	if r.Result != nil {
		e.Identities[0] = r.Result.Identity
	}
	err := who.First(what+" "+r.ID+" "+strconv.Itoa(number), func() error { return s.cfg.Audit(e) })
	if err != nil {
		return hidden(err)
	}
	return nil
}

// hidden is for what is not shown because that could not be noted.
func hidden(err error) error {
	return answer.Unaudited("the audit trail cannot be written, so nothing is shown; is the disk full?", err)
}
