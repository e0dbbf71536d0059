package review

import (
	"context"
	"errors"
	"net/http"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

func (s *Server) putDecision(w http.ResponseWriter, r *http.Request, who *signin.Session, f findingOf) error {
	var in store.NewDecision
	if err := answer.Read(r, &in); err != nil {
		return err
	}
	if err := s.sees(r.Context(), f.Record); err != nil {
		return err
	}
	if s.cfg.Filling != nil && s.cfg.Filling() {
		return answer.Fail(http.StatusServiceUnavailable, answer.CodeRebuilding, "the ledger is being filled again, and others' decisions may be missing from it; save yours a little later", nil)
	}
	if in.Outline != nil {
		if _, err := s.measure(r.Context(), f, in.Outline); err != nil {
			return refused(err)
		}
	}
	kept, entry, err := s.cfg.Store.Decide(f.Record, f.number, in, who.User(), s.now())
	switch {
	case errors.Is(err, store.ErrConflict):
		p := answer.Fail(http.StatusConflict, answer.CodeConflict, "another decision came first; look at it, then decide on its version", nil)
		if kept.Version > 0 {
			p.Current = &kept
		} else {
			p.Detail = "base_version is not a version of this finding's decision"
		}
		return p
	case errors.Is(err, store.ErrSuperseded):
		p := answer.Fail(http.StatusConflict, answer.CodeSuperseded, "this result has been superseded; decide on the newer one", nil)
		if now, err := s.cfg.Store.Record(f.ID); err == nil {
			p.CurrentSeries = now.SupersededBy
		}
		return p
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrInvalid):
		return err
	case err != nil:
		return answer.Fail(http.StatusInternalServerError, answer.CodeLedger, "the decision was not saved; is the disk full? Try again", err)
	}
	if entry != 0 {
		s.log.Debug("decision kept", "entry", entry)
		if err := s.cfg.Publisher.Kept(entry); err != nil {
			return answer.Unaudited("the decision is saved, but the audit trail cannot be written at the moment; the entry will follow", err)
		}
	}
	return answer.JSON(w, "application/json", kept)
}

// refused is the problem of an outline as that of the decision that it came with.
func refused(err error) error {
	var p *answer.Problem
	if errors.As(err, &p) && p.Code == answer.CodeRequestInvalid {
		return answer.Fail(http.StatusBadRequest, answer.CodeDecisionInvalid, p.Detail, err)
	}
	return err
}

// sees refuses a decision where nobody can have seen what it is about: the
// patient is not known, or there are no images.
func (s *Server) sees(ctx context.Context, r store.Record) error {
	const detail = ", so a decision cannot be saved: nobody can have seen what it is about. Restore the images, then decide"
	if _, why := s.readPatient(ctx, r); why != nil {
		return answer.Fail(http.StatusConflict, answer.CodeUnseen, "the patient cannot be read from the images ("+why.Code+")"+detail, nil)
	}
	if _, err := s.open(ctx, r); err != nil {
		return answer.Fail(http.StatusConflict, answer.CodeUnseen, "the images cannot be read ("+s.cfg.Source.Summary(err).Code+")"+detail, err)
	}
	return nil
}

func (s *Server) getDecisions(w http.ResponseWriter, _ *http.Request, _ *signin.Session, f findingOf) error {
	list, err := s.cfg.Store.Versions(f.ID, f.number)
	if err != nil {
		return answer.LedgerRead(err)
	}
	return answer.JSON(w, "application/json", map[string]any{"decisions": list})
}

func (s *Server) getDecisionsCSV(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	current := r.URL.Query().Get("current")
	if current != "" && current != "true" && current != "false" {
		return answer.Invalid("current is true or false")
	}
	if err := s.cfg.Audit(store.Entry{Kind: "export", User: who.User()}); err != nil {
		return answer.Unaudited("the audit trail cannot be written, so nothing is exported; is the disk full?", err)
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="decisions.csv"`)
	if err := s.cfg.Store.WriteCSV(w, current == "true"); err != nil {
		s.log.Warn("export ended early", "code", answer.CodeLedger)
		panic(http.ErrAbortHandler) // cut the answer, so that nobody takes it for whole
	}
	return nil
}
