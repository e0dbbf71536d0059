package plugin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// SendConfig says what goes to a PACS. It goes to those of Config.PACS that
// have a store address: the documents of a series that lies in one of them to
// that one, all others to the first.
type SendConfig struct {
	Kinds        []outbox.Kind // nil: report and verified; empty: nothing
	Organization string        // of those who review, in verified reports; default Config.Site
	FirstWait    time.Duration // after a failed attempt, doubled for each after; default 2 s
	LastWait     time.Duration // at most; default 2 min
}

// DefaultKinds are sent where nothing else is said.
func DefaultKinds() []outbox.Kind { return []outbox.Kind{outbox.Report, outbox.Verified} }

func (c SendConfig) kinds() []outbox.Kind {
	if c.Kinds == nil {
		return DefaultKinds()
	}
	return c.Kinds
}

func (c SendConfig) check() error {
	const op = "check settings"
	for _, k := range c.Kinds {
		if !slices.Contains(outbox.Kinds(), k) {
			return coded.New(CodeSettings, op, "what is to be sent is report, verified, heat-map or capture", nil)
		}
	}
	if c.FirstWait < 0 || c.LastWait < 0 || len(c.Organization) > 64 {
		return coded.New(CodeSettings, op, "waits must not be negative, and the name of an organisation has at most 64 bytes", nil)
	}
	return nil
}

// sends tells whether there is a PACS to send to.
func (p *Plugin) sends() bool { return p.reader.Archives.Store("") != nil }

// addLetters has the ledger write what is to be sent of a result, and of a
// decision that may complete its review, in the same transaction.
func (p *Plugin) addLetters(l *ledger) {
	if !p.sends() {
		return
	}
	kinds := p.cfg.Send.kinds()
	l.reports = slices.Contains(kinds, outbox.Report)
	l.letters = func(tx *bbolt.Tx, r *store.Record) error {
		if r.Result == nil {
			return nil
		}
		for _, k := range kinds {
			if k == outbox.Verified {
				continue
			}
			if err := l.outbox.Add(tx, r.ID, k, time.Now()); err != nil {
				return err
			}
		}
		return nil
	}
	if !slices.Contains(kinds, outbox.Verified) {
		return
	}
	l.review.OnDecision = func(tx *bbolt.Tx, r store.Record, decisions map[int]store.Decision) error {
		if !decided(r, decisions) {
			return nil
		}
		return l.outbox.Add(tx, r.ID, outbox.Verified, time.Now())
	}
}

// decided tells whether every nodule that has a score has a decision. Only
// then the series is opened, to see whether those without one are on an image.
func decided(r store.Record, decisions map[int]store.Decision) bool {
	if r.Result == nil || len(decisions) == 0 {
		return false
	}
	for i, n := range r.Result.Nodules {
		if _, there := decisions[i+1]; !there && len(n.Scores) > 0 {
			return false
		}
	}
	return true
}

// outboxStatus is what waits now; zero before the ledger is open.
func (p *Plugin) outboxStatus() outbox.Status {
	l := p.state().ledger
	if l == nil {
		return outbox.Status{}
	}
	status, err := l.outbox.Status()
	if err != nil {
		p.log.Warn("outbox cannot be read", "error", err)
	}
	return status
}

// empty sends what the outbox holds until ctx ends.
func (p *Plugin) empty(ctx context.Context, l *ledger, a *audit) {
	if !p.sends() {
		if status, err := l.outbox.Status(); err == nil && status.Waiting > 0 {
			p.log.Warn("results wait to be sent, and no PACS has a store-url", "waiting", status.Waiting, "since", status.Since)
		}
		return
	}
	sender := &outbox.Sender{
		Store: l.outbox, Packer: &packer{plugin: p, ledger: l, source: newReviewSource(p)},
		First: p.cfg.Send.FirstWait, Last: p.cfg.Send.LastWait, Logger: p.cfg.Logger.With("part", "outbox"),
		Problem: func(err error) (string, string) { return problem.Code(err), problem.Summary(err) },
		Note: func(kind outbox.Kind, code string) {
			if code == "" {
				p.metrics.sent.WithLabelValues(string(kind)).Inc()
			} else {
				p.metrics.unsent.WithLabelValues(code).Inc()
			}
		},
		Audit: func(letter outbox.Letter) error {
			record := AuditRecord{Kind: AuditSent, Detail: string(letter.Kind)}
			if r, err := l.review.Record(letter.Record); err == nil && r.Result != nil {
				record.Identity = r.Result.Identity
			}
			return a.append(record)
		},
	}
	sender.Run(ctx)
}

// organization stands in verified reports.
func (p *Plugin) organization() string { return cmp.Or(p.cfg.Send.Organization, p.cfg.Site) }
