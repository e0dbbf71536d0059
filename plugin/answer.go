package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
)

// answer makes sure that the result of a job is published, once. It knows
// which result that is before it reads a pixel, and asks the ledger:
//
//	nothing   → score, write the intent (synced), publish, note it
//	intended  → a crash came in between: look in RESULTS, publish again if it is not there
//	published → nothing to do
//
// Only then is the job taken from the queue, so that a crash at any point
// leads here again.
func (w *worker) answer(ctx context.Context, log *slog.Logger, d *bus.Delivery) verdict {
	env, job, err := bus.DecodeJob(d.Data)
	if err != nil {
		return dead(err)
	}
	late := job.Deadline != nil && time.Now().After(*job.Deadline)
	if late && d.NumDelivered == 1 { // later ones may have been answered in time
		return dead(deadlinePassed())
	}
	p, err := prepare(ctx, ScoreRequest{
		JobID: env.ID, Source: env.Source, Job: job, Software: w.cfg.Software, Detectors: w.cfg.Detectors,
		Series: w.reader, MaxPaddingPct: w.cfg.MaxPaddingPct, NoDetails: true,
	})
	if err != nil {
		if !late && (passing(err) || ctx.Err() != nil) {
			return retry(err)
		}
		return dead(err)
	}
	lineage := lineageKey(env.Source, p.series.SeriesUID)
	unlock, err := w.locks.lock(ctx, lineage) // one job of a series at a time
	if err != nil {
		return retry(err)
	}
	defer unlock()

	found, v := w.look(ctx, d, p.identity, job)
	if v.outcome != "" {
		return v
	}
	if found.State == intended {
		return w.finish(ctx, log, p.identity, found)
	}
	if late {
		return dead(deadlinePassed())
	}
	inTime, cancel := ctx, context.CancelFunc(func() {})
	if job.Deadline != nil { // a search takes long enough to be overtaken by it
		inTime, cancel = context.WithDeadline(ctx, *job.Deadline)
	}
	defer cancel()
	result, _, err := p.score(inTime)
	switch {
	case err == nil:
	case ctx.Err() == nil && errors.Is(inTime.Err(), context.DeadlineExceeded):
		return dead(deadlinePassed())
	default:
		return retry(err)
	}
	return w.publish(ctx, log, d, env, job, result, lineage)
}

func deadlinePassed() error {
	return coded.New(CodeDeadlinePassed, "score job", "the deadline of the job was over before it could be scored", nil)
}

// passing tells errors that time may heal, such as a series that is still
// being written.
func passing(err error) bool {
	switch dicomio.CodeOf(err) {
	case dicomio.CodeFolderMissing, dicomio.CodeFolderEmpty, dicomio.CodeSeriesNotFound,
		dicomio.CodeTruncated, dicomio.CodeUnreadable, dicomio.CodeTooFewSlices,
		dicomio.CodeUnreachable, dicomio.CodeArchiveFailed:
		return true
	}
	return problem.CodeOf(err) == "" // not foreseen
}

// look tells what the ledger knows of a result. Where a verdict has an
// outcome, the job is answered or has to wait.
func (w *worker) look(ctx context.Context, d *bus.Delivery, identity string, job bus.Job) (entry, verdict) {
	found, err := w.ledger.find(identity)
	if err != nil {
		return found, retry(err)
	}
	from := found.Sequence
	switch {
	case found.State == intended:
		return found, verdict{}
	case found.State == unknown && d.NumDelivered == 1:
		return found, verdict{}
	case found.State == unknown:
		// Another worker, or this one before it lost its ledger, may have
		// answered and then failed to say so: look at all that is kept.
		from = 0
	}
	sequence, there, err := w.bus.FindResult(ctx, w.cfg.Site, identity, from)
	switch {
	case err != nil:
		return found, retry(err)
	case !there: // new, or its result has left the stream: answer it (again)
		return entry{}, verdict{}
	case found.State == unknown:
		e := w.entry(job)
		if _, result, err := w.bus.GetResult(ctx, sequence); err == nil {
			e.Record = recordOf(e, result)
		}
		if err := w.ledger.publish(identity, e, sequence); err != nil {
			return found, retry(err)
		}
	}
	return found, verdict{outcome: outcomeAnswered}
}

// publish stores a new result: intent, audit, broker, ledger.
func (w *worker) publish(ctx context.Context, log *slog.Logger, d *bus.Delivery, env bus.Envelope, job bus.Job, result bus.Result, lineage string) verdict {
	e := w.entry(job)
	e.Lineage, e.Nodules = lineage, noduleKeys(result.Nodules)
	var err error
	if result.Supersedes, err = w.ledger.supersedes(lineage, result.Identity, e.Nodules); err != nil {
		return retry(err)
	}
	if w.ledger.reports && result.Error == nil {
		result.SRSOPUID = sr.Report{Identity: result.Identity}.SOPInstanceUID()
	}
	e.Event, err = bus.EncodeResult(w.source(), result, bus.WithTime(e.Time),
		bus.WithTraceParent(bus.ChildTraceParent(env.TraceParent)), bus.WithTraceState(env.TraceState))
	if err != nil {
		return dead(err)
	}
	if e.Before, err = w.bus.LastResultSeq(ctx); err != nil {
		return retry(err)
	}
	if err := w.ledger.intend(result.Identity, e); err != nil {
		return retry(err)
	}
	log.Debug("result intended", "identity", result.Identity)
	if err := w.audit.append(w.record(result, d.Sequence, false)); err != nil {
		return retry(err)
	}
	v := w.send(ctx, log, result.Identity, e)
	if v.outcome == "" {
		v.outcome = outcomeScored
		w.metrics.scored(result)
	}
	return v
}

// finish ends what a crash interrupted between the intent and its note.
func (w *worker) finish(ctx context.Context, log *slog.Logger, identity string, e entry) verdict {
	sequence, there, err := w.bus.FindResult(ctx, e.Site, identity, e.Before+1)
	if err != nil {
		return retry(err)
	}
	_, result, err := bus.DecodeResult(e.Event)
	if there {
		if err == nil {
			e.Record = recordOf(e, result)
		}
		if err := w.ledger.publish(identity, e, sequence); err != nil {
			return retry(err)
		}
		return verdict{outcome: outcomeRepaired}
	}
	if err != nil { // written by another version: score it anew
		return retry(errors.Join(err, w.ledger.abandon(identity)))
	}
	if err := w.audit.append(w.record(result, 0, true)); err != nil {
		return retry(err)
	}
	v := w.send(ctx, log, identity, e)
	if v.outcome == "" {
		v.outcome = outcomeRepaired
	}
	return v
}

// send publishes the message of an intent, the same bytes every time, and
// notes that it is there. The verdict has no outcome where all went well.
func (w *worker) send(ctx context.Context, log *slog.Logger, identity string, e entry) verdict {
	env, result, err := bus.DecodeResult(e.Event)
	if err != nil {
		return retry(errors.Join(err, w.ledger.abandon(identity)))
	}
	ack, err := w.bus.PublishResult(ctx, e.Site, env.Source, result,
		bus.WithTime(env.Time), bus.WithTraceParent(env.TraceParent), bus.WithTraceState(env.TraceState))
	if bus.CodeOf(err) == bus.CodeMessageTooLarge {
		if drop := w.ledger.abandon(identity); drop != nil {
			return retry(drop)
		}
		return dead(err)
	}
	if err != nil {
		return retry(err)
	}
	log.Debug("result stored", "identity", identity, "sequence", ack.Sequence)
	e.Record = recordOf(e, result)
	if err := w.ledger.publish(identity, e, ack.Sequence); err != nil {
		return retry(err)
	}
	log.Debug("result noted", "identity", identity)
	return verdict{}
}

// recover ends what was interrupted, before new jobs are taken: results come
// out in the order in which they were made.
func (w *worker) recover(ctx context.Context) error {
	open, err := w.ledger.intents()
	if err != nil {
		return err
	}
	identities := make([]string, 0, len(open))
	for identity := range open {
		identities = append(identities, identity)
	}
	slices.SortFunc(identities, func(a, b string) int { return open[a].Time.Compare(open[b].Time) })
	for _, identity := range identities {
		if v := w.finish(ctx, w.log, identity, open[identity]); v.err != nil {
			// Its job is still in the queue and leads to the same end.
			w.log.Warn("unfinished result left for its job", "code", problem.Code(v.err), "error", problem.Summary(v.err))
			if ctx.Err() != nil {
				return fmt.Errorf("finish results: %w", ctx.Err())
			}
		}
	}
	return nil
}

// entry is what the ledger keeps of a new result of a job.
func (w *worker) entry(job bus.Job) entry {
	return entry{Time: time.Now().UTC(), Site: w.cfg.Site, URI: job.URI, Priority: job.Priority}
}

func (w *worker) source() string { return "/nodulescope/" + w.cfg.Site }

// record is what the audit trail holds of a result.
func (w *worker) record(r bus.Result, job uint64, again bool) AuditRecord {
	record := AuditRecord{Kind: AuditScore, Identity: r.Identity, Job: job, Again: again, Nodules: len(r.Nodules), Software: r.Software}
	for _, m := range r.Models {
		record.Models = append(record.Models, m.Digest)
	}
	for _, n := range r.Nodules {
		if n.Disagreement != nil && n.Disagreement.FlagsDiffer {
			record.Disagree++
		}
		for _, f := range n.Failed {
			if !slices.Contains(record.Codes, f.Code) {
				record.Codes = append(record.Codes, f.Code)
			}
		}
		if n.Error != nil && !slices.Contains(record.Codes, n.Error.Code) {
			record.Codes = append(record.Codes, n.Error.Code)
		}
	}
	return record
}
