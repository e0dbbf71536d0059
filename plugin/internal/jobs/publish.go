package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/internal/tracing"
)

// entry is what the ledger keeps of a new result of a job.
func (w *Worker) entry(job bus.Job) ledger.Entry {
	return ledger.Entry{Time: time.Now().UTC(), Site: w.Site, URI: job.URI, Priority: job.Priority}
}

// publish stores a new result: intent, audit, broker, ledger.
func (w *Worker) publish(ctx context.Context, log *slog.Logger, t task, result bus.Result) error {
	span, begin := tracing.From(ctx), time.Now()
	traceScores(span, result)
	defer func() { span.Part("publish", begin, time.Now()) }()
	e, err := w.intend(t, &result, span.TraceParent())
	if err != nil {
		return err
	}
	log.Debug("result intended", "identity", result.Identity)
	if err := w.Audit.Append(auditRecord(result, t.delivery.Sequence, false)); err != nil {
		return err
	}
	if err := w.send(ctx, log, e, result); err != nil {
		return err
	}
	w.Metrics.Result(result)
	if w.Published != nil {
		w.Published(t.env, t.job, t.scan.Series(), result)
	}
	return nil
}

// intend completes a result and writes its event to the ledger.
func (w *Worker) intend(t task, result *bus.Result, traceParent string) (e ledger.Entry, err error) {
	e = w.entry(t.job)
	e.Lineage, e.Nodules = t.lineage, ledger.NoduleKeys(result.Nodules)
	if result.Supersedes, err = w.Ledger.Supersedes(e.Lineage, result.Identity, e.Nodules); err != nil {
		return e, err
	}
	if w.ReportUID != nil && result.Error == nil {
		result.SRSOPUID = w.ReportUID(*result)
	}
	e.Event, err = bus.EncodeResult("/nodulescope/"+w.Site, *result, bus.WithTime(e.Time),
		bus.WithTraceParent(cmp.Or(traceParent, bus.ChildTraceParent(t.env.TraceParent))), bus.WithTraceState(t.env.TraceState))
	if err != nil {
		return e, hopeless(err)
	}
	return e, w.Ledger.Intend(result.Identity, deliveryKey(t.delivery), e)
}

// finish ends what a crash interrupted between the intent and its note.
func (w *Worker) finish(ctx context.Context, log *slog.Logger, identity string, e ledger.Entry) error {
	if _, err := w.catchUp(ctx); err != nil {
		return err
	}
	sequence, _, _, err := w.answerThere(ctx, identity)
	if err != nil {
		return err
	}
	_, result, unread := bus.DecodeResult(e.Event)
	switch {
	case sequence > 0:
		return w.note(identity, e, sequence, result, unread == nil)
	case unread != nil: // written by another version: score it anew
		return errors.Join(unread, w.Ledger.Abandon(identity))
	}
	if err := w.Audit.Append(auditRecord(result, 0, true)); err != nil {
		return err
	}
	return w.send(ctx, log, e, result)
}

// send publishes the event of an intent, the same bytes every time, and notes
// that it is there. result is what the event holds.
func (w *Worker) send(ctx context.Context, log *slog.Logger, e ledger.Entry, result bus.Result) error {
	err := w.store(sending{ctx, log, e, result, func(tx *bbolt.Tx) error { return w.Keeper.Result(tx, e, result) }})
	if bus.CodeOf(err) == bus.CodeMessageTooLarge {
		if drop := w.Ledger.Abandon(result.Identity); drop != nil {
			return drop
		}
		return hopeless(err)
	}
	return err
}

// note writes to the ledger that a result is there, and has what others need
// of it kept, where its event could be read.
func (w *Worker) note(identity string, e ledger.Entry, sequence uint64, result bus.Result, read bool) error {
	return w.Ledger.Publish(ledger.Note{Identity: identity, Entry: e, Sequence: sequence, Keep: func(tx *bbolt.Tx) error {
		if !read {
			return nil
		}
		return w.Keeper.Result(tx, e, result)
	}})
}

// Recover ends what was interrupted, before new jobs are taken: results come
// out in the order in which they were made.
func (w *Worker) Recover(ctx context.Context) error {
	open, err := w.Ledger.Intents()
	if err != nil {
		return err
	}
	identities := make([]string, 0, len(open))
	for identity := range open {
		identities = append(identities, identity)
	}
	slices.SortFunc(identities, func(a, b string) int { return open[a].Time.Compare(open[b].Time) })
	for _, identity := range identities {
		if err := w.finish(ctx, w.Log, identity, open[identity]); err != nil {
			// Its job is still in the queue and leads to the same end.
			warn(w.Log, "unfinished result left for its job", err)
			if ctx.Err() != nil {
				return fmt.Errorf("finish results: %w", ctx.Err())
			}
		}
	}
	return nil
}

// auditRecord is what the audit trail holds of a result.
func auditRecord(r bus.Result, job uint64, again bool) audit.Record {
	record := audit.Record{Kind: audit.KindScore, Identity: r.Identity, Job: job, Again: again, Nodules: len(r.Nodules), Software: r.Software}
	note := func(code string) {
		if !slices.Contains(record.Codes, code) {
			record.Codes = append(record.Codes, code)
		}
	}
	for _, m := range r.Models {
		record.Models = append(record.Models, m.Digest)
	}
	if r.Rungs != nil {
		record.Models = append(record.Models, r.Rungs.Digest)
	}
	for _, n := range r.Nodules {
		if n.Disagreement != nil && n.Disagreement.FlagsDiffer {
			record.Disagree++
		}
		for _, f := range n.Failed {
			note(f.Code)
		}
		if n.HeadlineError != nil {
			note(n.HeadlineError.Code)
		}
		if n.Error != nil {
			note(n.Error.Code)
		}
	}
	return record
}
