package plugin

import (
	"context"
	"errors"
	"net/http"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// ShadowChange starts a candidate in the shadow of what scores, or ends it.
type ShadowChange struct {
	Version string `json:"version,omitempty"` // see store.Find
	Stop    bool   `json:"stop,omitempty"`
	By      string `json:"by"`
	Nodules int    `json:"nodules,omitempty"` // after which it ends
	Days    int    `json:"days,omitempty"`    // likewise
}

func shadowRecord(run shadow.Run, by string) audit.Record {
	r := audit.Record{Kind: audit.KindShadow, User: by, Models: []string{run.Beside.Set, run.Candidate.Set}, Detail: run.Candidate.Version + " started"}
	if !run.Runs() {
		r.Detail, r.Reason, r.Nodules = run.Candidate.Version+" ended", run.Why, run.Counts.Nodules
	}
	return r
}

// ChangeShadow starts a version of the model store in the shadow of what scores, or
// ends it, and keeps that in the audit trail. A service that runs begins at once, and
// one that is started later at its start. Codes: those of store.Find, shadow_invalid,
// shadow_failed, ledger_failed, ledger_locked, audit_failed.
func ChangeShadow(ctx context.Context, dataDir string, c ShadowChange) (run shadow.Run, err error) {
	asked, err := ask(ctx, dataDir, http.MethodPost, "/shadow", controlTimeout, c, &run)
	if asked {
		return run, err
	}
	k, trail, err := openTrail(dataDir)
	if err != nil {
		return run, err
	}
	log, err := startOrStop(dataDir, c, func(shadow.Run) error { return nil })
	if err == nil {
		run = log.Run()
		err = errors.Join(trail.Append(shadowRecord(run, c.By)), store.Open(dataDir).Adopt())
	}
	return run, errors.Join(err, trail.Close(), k.Close())
}

// startOrStop writes what is asked. check may refuse a run before it is written.
func startOrStop(dataDir string, c ShadowChange, check func(shadow.Run) error) (*shadow.Log, error) {
	if c.Stop {
		log, err := shadow.Open(dataDir)
		if err == nil && log == nil {
			err = coded.New(shadow.CodeInvalid, "end shadow run", "there is none", nil)
		}
		if err != nil {
			return nil, err
		}
		return log, log.End("ended by hand")
	}
	s := store.Open(dataDir)
	m, err := s.Find(c.Version)
	if err != nil {
		return nil, err
	}
	now, err := s.Current()
	if err != nil {
		return nil, err
	}
	run := shadow.Run{
		Candidate: shadow.Named{Version: m.Version, Set: m.Set}, Beside: shadow.Named{Version: now.Version, Set: now.Set},
		By: c.By, Nodules: c.Nodules, Days: c.Days,
	}
	if err := check(run); err != nil {
		return nil, err
	}
	return shadow.Start(dataDir, run)
}

// answerShadow answers POST /shadow of the control port.
func (p *Plugin) answerShadow(trail *audit.Trail) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c ShadowChange
		if !readBody(w, r, &c) {
			return
		}
		run, err := p.changeShadow(trail, c)
		if err != nil {
			writeJSON(w, http.StatusUnprocessableEntity, bus.ProblemOf(err))
			return
		}
		writeJSON(w, http.StatusOK, run)
	}
}

func (p *Plugin) changeShadow(trail *audit.Trail, c ShadowChange) (run shadow.Run, err error) {
	p.models.changing.Lock()
	defer p.models.changing.Unlock()
	if now, _ := p.shadow.run(); c.Stop && now != nil {
		err = now.End("ended by hand")
		run = now.Run()
		p.shadow.set(nil, scoring.Models{})
		return run, errors.Join(err, trail.Append(shadowRecord(run, c.By)))
	}
	var m scoring.Models
	log, err := startOrStop(p.cfg.DataDir, c, func(run shadow.Run) (err error) {
		m, err = p.shadowModels(run)
		return err
	})
	if err != nil {
		return run, err
	}
	run = log.Run()
	if run.Runs() {
		p.shadow.set(log, m)
	}
	return run, trail.Append(shadowRecord(run, c.By))
}
