package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// FormerModels is how many sets that scored before stay loaded: documents and
// pictures of their results are made with them.
const FormerModels = 3

// models are what scores now, and what did before. Every attempt at a job takes
// what scores now, once, and uses it to its end.
type models struct {
	changing sync.Mutex // held from a promotion until it scores, so that the last one that is written does

	mu      sync.Mutex
	version string
	now     scoring.Models
	former  []scoring.Models // the newest first
}

func (m *models) get() scoring.Models {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *models) name() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version
}

func (m *models) set(version string, next scoring.Models) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.former = slices.Insert(m.former, 0, m.now)
	m.former = m.former[:min(len(m.former), FormerModels)]
	m.version, m.now = version, next
}

// all are those that are loaded, what scores now first.
func (m *models) all() []scoring.Models {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]scoring.Models{m.now}, m.former...)
}

// of are the models that made a result, or those that score now where these are not
// loaded.
func (m *models) of(r *bus.Result) scoring.Models {
	all := m.all()
	for _, one := range all {
		if r != nil && made(one, r) {
			return one
		}
	}
	return all[0]
}

func made(m scoring.Models, r *bus.Result) bool {
	if len(m.Detectors) != len(r.Models) || (m.Outliner == nil) != (r.Outliner == nil) || m.Outliner != nil && m.Outliner.Digest() != r.Outliner.Digest {
		return false
	}
	return !slices.ContainsFunc(r.Models, func(by bus.Model) bool {
		return !slices.ContainsFunc(m.Detectors, func(d detector.Detector) bool { return d.Digest() == by.Digest })
	})
}

// detectors are all that are loaded.
func (m *models) detectors() (list []detector.Detector) {
	for _, one := range m.all() {
		list = append(list, one.Detectors...)
	}
	return list
}

// Models are what new jobs are scored with.
func (p *Plugin) Models() scoring.Models { return p.models.get() }

// SetModels has new jobs scored with other models from now on. What is in work is
// finished with those that it began with: a result names the models that made it.
// version is the name that /version shows. Code: settings_invalid.
func (p *Plugin) SetModels(version string, m scoring.Models) error {
	if err := scoring.CheckDetectors("set models", m.Detectors); err != nil {
		return err
	}
	p.models.set(version, m)
	if log, _ := p.shadow.run(); log != nil {
		p.endShadow(log, "other models were promoted")
	}
	p.metrics.setModels(scoring.Describe(m.Detectors), p.cfg.Software)
	p.log.Info("new jobs are scored with other models", "version", version, "models", m.Digests())
	return nil
}

// ChangeModels promotes a version of the model store of a data folder, or rolls the
// last promotion back, asks a second person for it where it takes two
// ([Config.Consent]), approves or withdraws what was asked for, and keeps that in the audit trail. A service that runs scores
// new jobs with it at once; one that is started later does from its start on. Codes:
// those of store.Apply, ledger_failed, ledger_locked, audit_failed.
func ChangeModels(ctx context.Context, dataDir string, c store.Change) (changed store.Changed, err error) {
	asked, err := ask(ctx, dataDir, http.MethodPost, "/models", controlTimeout, c, &changed)
	if asked {
		return changed, err
	}
	k, trail, err := openTrail(dataDir)
	if err != nil {
		return changed, err
	}
	changed, _, err = store.Open(dataDir).Apply(c, noteChange(trail, c))
	return changed, errors.Join(err, trail.Close(), k.Close())
}

// openTrail opens the audit trail of a data folder whose service does not run.
func openTrail(dataDir string) (*kept, *audit.Trail, error) {
	if _, err := os.Stat(ledgerFile(dataDir)); errors.Is(err, fs.ErrNotExist) { // a trail without a ledger would say that one was lost
		return nil, nil, coded.New(CodeLedger, "open audit trail", "no service has run with this data folder yet: start 'nodulescope serve' once, or name the service's data folder", nil)
	}
	k, err := openKept(dataDir)
	if err != nil {
		return nil, nil, err
	}
	trail, err := audit.Open(auditFile(dataDir))
	if err != nil {
		return nil, nil, errors.Join(err, k.Close())
	}
	return k, trail, nil
}

// changeModels is ChangeModels of the data folder of this plugin.
func (p *Plugin) changeModels(trail *audit.Trail, c store.Change) (store.Changed, error) {
	p.models.changing.Lock()
	defer p.models.changing.Unlock()
	var next *scoring.Models
	changed, _, err := store.Open(p.cfg.DataDir).Apply(c, func(to store.Changed, set store.Set) error {
		if to.Done() && p.cfg.UseModels != nil {
			m, err := p.cfg.UseModels(set)
			if err == nil {
				err = scoring.CheckDetectors("set models", m.Detectors)
			}
			if err != nil {
				return err
			}
			next = &m
		}
		return noteChange(trail, c)(to, set)
	})
	if err != nil || !changed.Done() {
		return changed, err
	}
	if changed.Service = store.ServiceFixed; next == nil {
		p.log.Warn("models were promoted, and the settings of this service name others", "version", changed.To.Version)
		return changed, nil
	}
	changed.Service = store.ServiceSwitched
	return changed, p.SetModels(changed.To.Version, *next)
}

// noteChange keeps a promotion, or that one was asked for or withdrawn, in the audit
// trail.
func noteChange(trail *audit.Trail, c store.Change) func(store.Changed, store.Set) error {
	return func(to store.Changed, _ store.Set) error {
		r := audit.Record{
			Kind: audit.KindPromoted, User: to.To.By, Models: []string{to.From.Set, to.To.Set},
			Detail: to.From.Version + " to " + to.To.Version, Reason: to.To.Reason, Forced: to.To.Forced, Gate: to.To.Gate, Approved: to.To.Approved,
		}
		switch {
		case to.Withdrawn:
			asked := to.Request.To
			r = audit.Record{Kind: audit.KindWithdrawn, User: c.By, Models: []string{to.Request.From.Set, asked.Set}, Detail: to.Request.From.Version + " to " + asked.Version, Reason: c.Reason}
		case to.Waits():
			r.Kind = audit.KindRequested
		case to.Rollback(c):
			r.Kind = audit.KindRolledBack
		}
		return trail.Append(r)
	}
}

// requireConsent has promotions take as many persons as the settings say.
func (p *Plugin) requireConsent(ctx context.Context, trail *audit.Trail) error {
	persons := p.cfg.Consent
	changed, err := store.Open(p.cfg.DataDir).RequireConsent(ctx, persons, func() error {
		return trail.Append(audit.Record{Kind: audit.KindConsent, Detail: fmt.Sprintf("a promotion takes %d", persons)})
	})
	if changed {
		p.log.Info("how many persons a promotion takes has changed", "persons", persons)
	}
	return err
}

// answerModels answers POST /models of the control port.
func (p *Plugin) answerModels(trail *audit.Trail) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c store.Change
		if !readBody(w, r, &c) {
			return
		}
		changed, err := p.changeModels(trail, c)
		if err != nil {
			p.log.Warn("models were not changed", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
			writeJSON(w, http.StatusUnprocessableEntity, bus.ProblemOf(err))
			return
		}
		writeJSON(w, http.StatusOK, changed)
	}
}

// takePromoted takes what was promoted after the settings of this plugin were read
// and before it had the data folder to itself.
func (p *Plugin) takePromoted() error {
	if p.cfg.UseModels == nil {
		return nil
	}
	models := store.Open(p.cfg.DataDir)
	now, err := models.Current()
	if err != nil || now.Version == p.models.name() {
		return err
	}
	set, err := models.Load(now.Version)
	if err != nil {
		return err
	}
	m, err := p.cfg.UseModels(set)
	if err != nil {
		return err
	}
	return p.SetModels(set.Version, m)
}
