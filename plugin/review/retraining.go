package review

import (
	"context"
	"net/http"
	"regexp"
	"strconv"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Retraining is what administrators look after: versions of models, what they were made
// of, what they are worth beside what scores, and which scores. Answers are JSON as
// openapi.yaml describes it, and name no patient. Errors carry codes.
type Retraining interface {
	Overview(ctx context.Context) (any, error)
	Version(ctx context.Context, name string) (any, error)
	Shadow(ctx context.Context) (any, error)
	// Picture is a PNG of the n-th largest change of the shadow run, from 0; nil: there
	// is none.
	Picture(ctx context.Context, n int) ([]byte, error)
	Drift(ctx context.Context) (any, error)
	// Change promotes, rolls back, approves or withdraws, keeps it in the audit trail,
	// and has the service score with the result.
	Change(ctx context.Context, c ModelChange) (any, error)
}

// ModelChange is one of four: a version to be promoted, a rollback, or the approval or
// withdrawal of a request by its ID.
type ModelChange struct {
	Version  string `json:"version,omitempty"`
	Rollback bool   `json:"rollback,omitempty"`
	Approve  string `json:"approve,omitempty"`
	Withdraw string `json:"withdraw,omitempty"`
	Forced   bool   `json:"forced,omitempty"`
	Reason   string `json:"reason,omitempty"`
	By       string `json:"-"` // who is signed in
}

// ways counts what is asked.
func (c ModelChange) ways() (n int) {
	for _, asked := range []bool{c.Version != "", c.Rollback, c.Approve != "", c.Withdraw != ""} {
		if asked {
			n++
		}
	}
	return n
}

// ofRetraining answers an administrator, and notes once a session that they have looked.
func (s *Server) ofRetraining(what string, h func(w http.ResponseWriter, r *http.Request, who *signin.Session) error) signin.Handler {
	return func(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
		if s.cfg.Retraining == nil {
			return answer.NotFound()
		}
		if what != "" {
			note := func() error { return s.cfg.Audit(store.Entry{Kind: "view", User: who.User(), Detail: what}) }
			if err := who.First(what, note); err != nil {
				return hidden(err)
			}
		}
		return s.ofModels(h(w, r, who))
	}
}

// ofModels is the problem of an error that carries a code of models.
func (s *Server) ofModels(err error) error {
	code := coded.CodeOf(err)
	status := http.StatusInternalServerError
	switch code {
	case "":
		return err
	case "model_unknown":
		status = http.StatusNotFound
	case "model_not_compared", "model_not_better", "model_damaged", "model_preprocessing", "promotion_invalid", "consent_same_person", "consent_void", "consent_pending":
		status = http.StatusConflict
	case "model_store_locked":
		status = http.StatusServiceUnavailable
	}
	return answer.Fail(status, string(code), coded.Summary(err), err)
}

// looked answers with what a method of Retraining returns.
func looked(w http.ResponseWriter, v any, err error) error {
	if err != nil {
		return err
	}
	return answer.JSON(w, "application/json", v)
}

func (s *Server) getRetraining(w http.ResponseWriter, r *http.Request, _ *signin.Session) error {
	v, err := s.cfg.Retraining.Overview(r.Context())
	return looked(w, v, err)
}

var versionName = regexp.MustCompile(`^(shipped|\d{8}-[0-9a-f]{8})$`)

func (s *Server) getVersion(w http.ResponseWriter, r *http.Request, _ *signin.Session) error {
	name := r.PathValue("version")
	if !versionName.MatchString(name) {
		return answer.NotFound()
	}
	v, err := s.cfg.Retraining.Version(r.Context(), name)
	return looked(w, v, err)
}

func (s *Server) getShadow(w http.ResponseWriter, r *http.Request, _ *signin.Session) error {
	v, err := s.cfg.Retraining.Shadow(r.Context())
	return looked(w, v, err)
}

func (s *Server) getShadowPicture(w http.ResponseWriter, r *http.Request, _ *signin.Session) error {
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || n < 1 || n > 100 {
		return answer.NotFound()
	}
	png, err := s.cfg.Retraining.Picture(r.Context(), n-1)
	if err != nil {
		return err
	}
	if png == nil {
		return answer.NotFound()
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(png) // a client that went away
	return nil
}

func (s *Server) getDrift(w http.ResponseWriter, r *http.Request, _ *signin.Session) error {
	v, err := s.cfg.Retraining.Drift(r.Context())
	return looked(w, v, err)
}

func (s *Server) postModelChange(w http.ResponseWriter, r *http.Request, who *signin.Session) error {
	var in ModelChange
	if err := answer.Read(r, &in); err != nil {
		return err
	}
	switch {
	case in.ways() != 1:
		return answer.Invalid("give one of version, rollback, approve and withdraw")
	case in.Version != "" && !versionName.MatchString(in.Version):
		return answer.Invalid("version is a name that the overview lists")
	case in.Forced && (in.Version == "" || in.Reason == ""):
		return answer.Invalid("forced is for a version, and needs a reason")
	case len(in.Reason) > 500:
		return answer.Invalid("a reason has at most 500 bytes")
	}
	in.By = who.User()
	v, err := s.cfg.Retraining.Change(r.Context(), in)
	return looked(w, v, err)
}
