package plugin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/documents"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// SendConfig says what goes to a PACS. It goes to those of Config.PACS that
// have a store address: the documents of a series that lies in one of them to
// that one, all others to the first.
type SendConfig struct {
	Kinds        []outbox.Kind // nil: outline, report and verified; empty: nothing
	Organization string        // of those who review, in verified reports; default Config.Site
	FirstWait    time.Duration // after a failed attempt, doubled for each after; default 2 s
	LastWait     time.Duration // at most; default 2 min
}

// DefaultKinds are sent where nothing else is said.
func DefaultKinds() []outbox.Kind {
	return []outbox.Kind{outbox.Outline, outbox.Report, outbox.Verified}
}

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
			return coded.New(CodeSettings, op, "what is to be sent is outline, report, verified, heat-map or capture", nil)
		}
	}
	if c.FirstWait < 0 || c.LastWait < 0 || len(c.Organization) > 64 {
		return coded.New(CodeSettings, op, "waits must not be negative, and the name of an organisation has at most 64 bytes", nil)
	}
	return nil
}

// sends tells whether there is a PACS to send to.
func (p *Plugin) sends() bool { return p.reader.Archives.Store("") != nil }

// outboxStatus is what waits now; zero before the ledger is open.
func (p *Plugin) outboxStatus() outbox.Status {
	k := p.state().kept
	if k == nil {
		return outbox.Status{}
	}
	status, err := k.outbox.Status()
	if err != nil {
		p.log.Warn("outbox cannot be read", "error", err)
	}
	return status
}

// empty sends what the outbox holds until ctx ends.
func (p *Plugin) empty(ctx context.Context, k *kept, trail *audit.Trail) {
	if !p.sends() {
		if status, err := k.outbox.Status(); err == nil && status.Waiting > 0 {
			p.log.Warn("results wait to be sent, and no PACS has a store-url", "waiting", status.Waiting, "since", status.Since)
		}
		return
	}
	sender := &outbox.Sender{
		Store: k.outbox, Packer: &documents.Packer{
			Records: k.review, Archives: p.reader.Archives, Scoring: p.scoring, Headers: series.NewHeaders(p.reader),
			Observer: p.observer, Organization: cmp.Or(p.cfg.Send.Organization, p.cfg.Site),
			Outlines: slices.Contains(p.cfg.Send.kinds(), outbox.Outline),
		},
		First: p.cfg.Send.FirstWait, Last: p.cfg.Send.LastWait, Logger: p.cfg.Logger.With("part", "outbox"),
		Problem: func(err error) (string, string) { return bus.ProblemOf(err).Code, coded.Summary(err) },
		Note: func(kind outbox.Kind, code string) {
			if code == "" {
				p.metrics.sent.WithLabelValues(string(kind)).Inc()
			} else {
				p.metrics.unsent.WithLabelValues(code).Inc()
			}
		},
		Audit: func(letter outbox.Letter) error {
			record := audit.Record{Kind: audit.KindSent, Detail: string(letter.Kind)}
			if r, err := k.review.Record(letter.Record); err == nil && r.Result != nil {
				record.Identity = r.Result.Identity
			}
			p.traceSent(k, record.Identity, letter)
			return trail.Append(record)
		},
	}
	sender.Run(ctx)
}

// observer is a reviewer's name in DICOM's form: the display name, where the
// file of users has one. One with ^ is taken as it is.
func (p *Plugin) observer(reviewer string) string {
	path := p.usersFile()
	users, err := accounts.Load(path)
	if err != nil {
		return reviewer // the login name is a name, too
	}
	if i := slices.IndexFunc(users, func(u accounts.User) bool { return u.Name == reviewer }); i >= 0 {
		return cmp.Or(strings.TrimSpace(users[i].DisplayName), reviewer)
	}
	return reviewer
}
