package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
)

// Damage is what was found wrong in the streams, and what became of it.
type Damage struct {
	Restored int            // results that were put back
	Lost     map[string]int // messages that do not come back, by stream
}

func (d *Damage) lose(stream string, n int) {
	if n > 0 {
		if d.Lost == nil {
			d.Lost = map[string]int{}
		}
		d.Lost[stream] += n
	}
}

// Mend compares what the streams hold with what the ledger knows of them. A
// result that it promised and that is gone is put back, the same bytes; what
// else is gone is named in the log, counted, and noted in the audit trail. With
// thorough, every message is read: bytes that turned are told by nothing else.
// What left the streams by their limits, or by an operator's hand while the
// service ran ([Worker.Watch]), is not missed.
func (w *Worker) Mend(ctx context.Context, thorough bool) (d Damage, err error) {
	known, err := w.Ledger.Holdings()
	if err != nil {
		return d, err
	}
	suspicious := thorough
	for _, stream := range bus.Streams() {
		now, err := w.Bus.Holding(ctx, stream)
		if err != nil {
			return d, err
		}
		before, there := known[stream]
		gone := goneFrom(before, there, now)
		if stream == bus.StreamResults {
			// What came since the stream was last looked at is not noted: in another
			// stream it may be gone too.
			suspicious = suspicious || len(gone) > 0 || now.Sparse || there && !before.Created.Equal(now.Created)
			continue
		}
		if now.Sparse && !before.Sparse && now.Messages < before.Messages {
			if err := w.tellUnnamed(&d, stream, int(before.Messages-now.Messages)); err != nil {
				return d, err
			}
		}
		if gone, err = w.unexplained(stream, gone); err != nil {
			return d, err
		}
		if thorough {
			bad, err := w.Bus.Unreadable(ctx, stream, now)
			if err != nil {
				return d, err
			}
			gone = append(gone, bad...)
			if err := w.Bus.Remove(ctx, stream, bad); err != nil { // or a worker would wait for it
				return d, err
			}
		}
		if err := w.tellLost(&d, stream, gone); err != nil {
			return d, err
		}
	}
	if suspicious {
		if err := w.mendResults(ctx, &d, known[bus.StreamResults]); err != nil {
			return d, err
		}
	}
	now, err := w.holdings(ctx)
	if err != nil {
		return d, err
	}
	return d, w.remember(ctx, known, now)
}

// goneFrom lists what a stream has lost since it was noted. In another stream of
// the same name everything of the former is gone.
func goneFrom(before bus.Holding, noted bool, now bus.Holding) []uint64 {
	switch {
	case !noted:
		return nil
	case before.Created.Equal(now.Created):
		return before.Gone(now)
	}
	return before.Gone(bus.Holding{})
}

// unexplained leaves out jobs of which this ledger knows that they have ended.
// Where other workers take jobs too, only they know of theirs.
func (w *Worker) unexplained(stream string, gone []uint64) ([]uint64, error) {
	if stream != bus.StreamJobs || len(gone) == 0 {
		return gone, nil
	}
	if w.Shared {
		return nil, nil
	}
	ended, err := w.Ledger.Ended(gone)
	return slices.DeleteFunc(gone, func(s uint64) bool { _, there := ended[s]; return there }), err
}

// ErrRemade says that a stream is not the one that was known.
var ErrRemade = errors.New("a stream was made anew")

// Watch keeps in mind what the streams hold: what leaves them while the service
// and its connection stand was meant to. Its error is ErrRemade where a stream
// is another one than before, and one with code stream_unavailable where one is
// gone: see [Worker.Mend].
func (w *Worker) Watch(ctx context.Context) error {
	known, err := w.Ledger.Holdings()
	if err != nil {
		return err
	}
	connection := w.Bus.Reconnects()
	now, err := w.holdings(ctx)
	if err != nil {
		return err
	}
	for stream, h := range now {
		if before, there := known[stream]; there && !before.Created.Equal(h.Created) {
			return fmt.Errorf("%w: %s", ErrRemade, stream)
		}
	}
	if w.Bus.Reconnects() != connection {
		return nil // what is gone may not have been meant to go
	}
	return w.remember(ctx, known, now)
}

func (w *Worker) holdings(ctx context.Context) (map[string]bus.Holding, error) {
	now := map[string]bus.Holding{}
	for _, stream := range bus.Streams() {
		h, err := w.Bus.Holding(ctx, stream)
		if err != nil {
			return nil, err
		}
		now[stream] = h
	}
	return now, nil
}

// mendResults puts back what the ledger knows to be answered and RESULTS does
// not have.
func (w *Worker) mendResults(ctx context.Context, d *Damage, before bus.Holding) error {
	answers, err := w.Ledger.Answers(w.Site)
	if err != nil {
		return err
	}
	now, err := w.Bus.Holding(ctx, bus.StreamResults)
	if err != nil {
		return err
	}
	same := before.Created.Equal(now.Created)
	there := map[string]bool{}
	err = w.Bus.ResultIdentities(ctx, w.Site, 0, func(identity string, _ uint64) error {
		there[identity] = true
		return nil
	})
	if err != nil {
		return err
	}
	missing := slices.Collect(maps.Keys(answers))
	missing = slices.DeleteFunc(missing, func(identity string) bool {
		s := answers[identity]
		return there[identity] || s < before.First || same && now.Drops && s < now.First
	})
	slices.SortFunc(missing, func(a, b string) int { return cmp.Compare(answers[a], answers[b]) })
	var lost []string
	var unreadable []uint64 // the broker counts them, and cannot give them
	for _, identity := range missing {
		if s := answers[identity]; same && now.Has(s) {
			unreadable = append(unreadable, s)
		}
		back, err := w.putBack(ctx, identity)
		if err != nil {
			return err
		}
		if back {
			d.Restored++
		} else {
			lost = append(lost, identity)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := w.Bus.Remove(ctx, bus.StreamResults, unreadable); err != nil {
		return err
	}
	d.lose(bus.StreamResults, len(lost))
	w.Log.Error("results were gone from the bus", "stream", bus.StreamResults, "restored", d.Restored, "lost", len(lost), "identities", some(lost))
	err = w.Audit.Append(audit.Record{Kind: audit.KindDamage, Detail: bus.StreamResults, Restored: d.Restored, Lost: len(lost), Identities: some(lost)})
	forget := make(map[string]uint64, len(lost))
	for _, identity := range lost {
		forget[identity] = answers[identity]
	}
	return errors.Join(err, w.Ledger.Forget(w.Site, forget))
}

// putBack publishes a result again that is gone; false where this ledger has
// not promised it, and another worker's may have.
func (w *Worker) putBack(ctx context.Context, identity string) (bool, error) {
	e, there, err := w.Ledger.Promise(identity)
	if err != nil {
		warn(w.Log, "a result in the ledger is damaged", err, "identity", identity)
		return false, nil
	}
	if !there {
		return false, nil
	}
	_, result, err := bus.DecodeResult(e.Event)
	if err != nil { // of another version
		warn(w.Log, "a result in the ledger cannot be read", err, "identity", identity)
		return false, nil
	}
	return true, w.store(sending{ctx, w.Log, e, result, func(*bbolt.Tx) error { return nil }})
}

// namedLost is how many of what is lost are named one by one.
const namedLost = 100

// tellLost names and counts messages that do not come back.
func (w *Worker) tellLost(d *Damage, stream string, gone []uint64) error {
	if len(gone) == 0 {
		return nil
	}
	d.lose(stream, len(gone))
	hint := map[string]string{
		bus.StreamJobs:    "these jobs will not be answered: have their senders send them again",
		bus.StreamReviews: "the decisions are still in the ledger; readers of the stream miss them",
		bus.StreamDead:    "what could not be scored is still in the work list and the audit trail",
	}[stream]
	w.Log.Error("messages of the bus are lost; "+hint, "stream", stream, "lost", len(gone), "sequences", ranges(gone))
	return w.Audit.Append(audit.Record{Kind: audit.KindDamage, Detail: stream + " " + ranges(gone), Lost: len(gone)})
}

// tellUnnamed counts messages of a stream whose very numbers are damaged.
func (w *Worker) tellUnnamed(d *Damage, stream string, n int) error {
	d.lose(stream, n)
	w.Log.Error("a stream of the bus is damaged and holds fewer messages than before", "stream", stream, "lost", n)
	return w.Audit.Append(audit.Record{Kind: audit.KindDamage, Detail: stream, Lost: n})
}

// ranges writes rising numbers as 3-7 9.
func ranges(list []uint64) string {
	slices.Sort(list)
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if part := fmt.Sprint(list[i]); j == i {
			parts = append(parts, part)
		} else {
			parts = append(parts, fmt.Sprintf("%s-%d", part, list[j]))
		}
		if i = j + 1; len(parts) == namedLost && i < len(list) {
			return strings.Join(append(parts, "…"), " ")
		}
	}
	return strings.Join(parts, " ")
}

// some names the first of a list.
func some(list []string) []string { return list[:min(len(list), namedLost)] }
