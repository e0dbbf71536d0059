package jobs

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/internal/tracing"
)

// traceJob begins the span of a delivery, with the time that it waited in the queue.
func (w *Worker) traceJob(d *bus.Delivery) *tracing.Span {
	if w.Trace == nil {
		return nil
	}
	s := w.Trace.Begin(d.TraceParent(), "job", d.Stored, attribute.String("messaging.system", "nats"),
		attribute.String("nodulescope.priority", d.Priority), attribute.Int("nodulescope.delivered", d.NumDelivered))
	s.Part("queue", d.Stored, time.Now())
	return s
}

// traceScores adds what scoring took, which has ended now. Models have the time of each in
// the result.
func traceScores(s *tracing.Span, r bus.Result) {
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	t := r.TimingsMS
	from := time.Now().Add(-ms(t.Total))
	for _, part := range []struct {
		name string
		took float64
	}{{"read", t.Read}, {"cut", t.Cut}, {"outline", t.Outline}, {"score", t.Score}} {
		if part.took > 0 {
			to := from.Add(ms(part.took))
			s.Part(part.name, from, to)
			from = to
		}
	}
	var models []string
	for _, m := range r.Models {
		models = append(models, m.Name)
	}
	s.Set(attribute.Int("nodulescope.nodules", len(r.Nodules)), attribute.StringSlice("nodulescope.models", models))
}
