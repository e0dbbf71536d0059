package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
)

const watchEvery = 5 * time.Second // between two looks at what the streams hold

// openLedger opens the ledger of a data folder. One that is damaged is put
// aside beside it, and a new one is made.
func (p *Plugin) openLedger(dataDir string) (*kept, error) {
	k, err := openKept(dataDir)
	if bus.CodeOf(err) != ledger.CodeDamaged {
		return k, err
	}
	aside, moveErr := putLedgerAside(dataDir)
	if moveErr != nil {
		return nil, errors.Join(err, moveErr)
	}
	p.log.Error("the ledger is damaged and was put aside; it is made anew from RESULTS and REVIEWS", "error", err, "aside", filepath.Base(aside))
	return openKept(dataDir)
}

func putLedgerAside(dataDir string) (aside string, err error) {
	aside = ledgerFile(dataDir) + ".damaged-" + time.Now().UTC().Format("20060102T150405")
	if err := os.Rename(ledgerFile(dataDir), aside); err != nil {
		return "", coded.New(ledger.CodeFailed, "put ledger aside", "the file cannot be renamed", err)
	}
	return aside, nil
}

// mendAtStart mends what the last run or the disk left behind, before jobs are taken:
// a ledger that is new beside results that it should know is filled again, and
// what is gone from the streams is put back or told.
func (p *Plugin) mendAtStart(ctx context.Context, w *jobs.Worker, k *kept, trail *audit.Trail) error {
	if k.New {
		if err := p.fill(ctx, w, k, trail); err != nil {
			return err
		}
	}
	k.filling.Store(false)
	if err := p.mend(ctx, w, false); err != nil { // it is tried again beside the work
		p.log.Warn("the streams could not be compared with the ledger yet", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	}
	return ctx.Err()
}

// fill gives a ledger that is new what the streams have, and notes that it has
// it. That of a worker which joins others at their bus stays empty.
func (p *Plugin) fill(ctx context.Context, w *jobs.Worker, k *kept, trail *audit.Trail) error {
	if p.state().own == nil && !trail.Continued() {
		return k.Rebuilt()
	}
	r, err := p.rebuild(ctx, k, w.Bus)
	if err != nil {
		return err
	}
	if r.Results > 0 || r.Decisions > 0 {
		p.log.Error("the ledger was missing, empty or of a backup and was filled from the bus", "results", r.Results, "decisions", r.Decisions, "without_images", r.WithoutImages, "unreadable", r.Unreadable)
		record := audit.Record{Kind: audit.KindDamage, Detail: "ledger", Restored: r.Results + r.Decisions, Lost: r.Unreadable}
		if err := trail.Append(record); err != nil {
			return err
		}
	}
	return k.Rebuilt()
}

// verify reads a large ledger from end to end beside the work: at the start that would
// take seconds. Where it is damaged the service ends, and its next start makes the ledger
// anew.
func (p *Plugin) verify(ctx context.Context, k *kept, trail *audit.Trail, fail func(error)) {
	err := k.Verify(ctx)
	if bus.CodeOf(err) == ledger.CodeDamaged {
		p.log.Error("the ledger is damaged: the service ends, and the next start makes it anew from RESULTS and REVIEWS", "error", err)
		fail(errors.Join(err, trail.Append(audit.Record{Kind: audit.KindDamage, Detail: "ledger"})))
		return
	}
	rows := 0
	if err == nil {
		rows, err = k.review.Pair()
	}
	if rows > 0 {
		p.log.Warn("rows of the work list did not fit the results and were made anew", "rows", rows)
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn("the ledger could not be read to its end", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	}
}

// mendPromises takes messages of results that turned bad in the ledger from
// RESULTS again.
func (p *Plugin) mendPromises(ctx context.Context, w *jobs.Worker, k *kept) error {
	damaged, err := k.DropDamaged()
	if err != nil || len(damaged) == 0 {
		return err
	}
	p.log.Error("results in the ledger were damaged and are taken from RESULTS again", "results", len(damaged))
	sent, err := readSent(p.auditFile())
	if err != nil {
		return err
	}
	a := p.adopter(k, sent)
	a.only = map[string]bool{}
	for _, identity := range damaged {
		a.only[identity] = true
	}
	return a.results(ctx, w.Bus)
}

func (p *Plugin) mend(ctx context.Context, w *jobs.Worker, thorough bool) error {
	d, err := w.Mend(ctx, thorough)
	p.metrics.damage(d)
	return err
}

// watchStreams looks after the streams until ctx ends: those that are gone are
// made again, with the results that the ledger promised; and what a broker that
// was away has lost is found when it is back. Once, at the start, everything is
// read.
func (p *Plugin) watchStreams(ctx context.Context, w *jobs.Worker, k *kept) {
	connection, thorough, told := w.Bus.Reconnects(), true, false
	tick := time.NewTicker(p.watchEvery)
	defer tick.Stop()
	for {
		var err error
		now := w.Bus.Reconnects()
		if !thorough && now == connection {
			err = w.Watch(ctx)
		}
		if thorough || now != connection || err != nil {
			if err != nil && !told {
				p.log.Error("the bus has lost streams; they are made again", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
				told = true
			}
			if err = w.Bus.EnsureStreams(ctx); err == nil {
				err = p.mend(ctx, w, thorough)
			}
			if err == nil && thorough {
				err = p.mendPromises(ctx, w, k)
			}
			if err == nil {
				if told {
					p.log.Info("the streams are in order again")
				}
				connection, thorough, told = now, false, false
				p.ensureModels(ctx, w.Bus)
			}
		}
		if err != nil && ctx.Err() == nil {
			p.log.Debug("streams not looked after", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ensureModels makes the bucket in which workstations share models. Nothing else needs
// it: a broker that refuses it is told of in the log alone.
func (p *Plugin) ensureModels(ctx context.Context, b *bus.Bus) {
	if err := b.EnsureModels(ctx); err != nil && ctx.Err() == nil {
		p.log.Warn("models cannot be shared over the bus", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	}
}

func (p *Plugin) auditFile() string { return auditFile(p.cfg.DataDir) }

func auditFile(dataDir string) string { return filepath.Join(dataDir, "audit.jsonl") }
