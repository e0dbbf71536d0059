package plugin

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// traceOf is the traceparent that a result of this service carries, and when it was made.
func (p *Plugin) traceOf(k *kept, identity string) (parent string, made time.Time) {
	e, there, err := k.Promise(identity)
	if err != nil || !there {
		return "", made
	}
	env, _, err := bus.DecodeResult(e.Event)
	if err != nil {
		return "", made
	}
	return env.TraceParent, e.Time
}

// traceDecision tells of a decision: from the result to it.
func (p *Plugin) traceDecision(k *kept, r audit.Record) {
	if p.tracer == nil || r.Kind != audit.KindDecision {
		return
	}
	go func() { // the trail waits for its observer
		if parent, made := p.traceOf(k, r.Identity); parent != "" {
			p.tracer.Begin(parent, "review", made, attribute.String("nodulescope.verdict", r.Decision)).End(r.Time, "")
		}
	}()
}

// traceSent tells of what a PACS has now: from when it was written.
func (p *Plugin) traceSent(k *kept, identity string, letter outbox.Letter) {
	if p.tracer == nil || identity == "" {
		return
	}
	if parent, _ := p.traceOf(k, identity); parent != "" {
		p.tracer.Begin(parent, "report", letter.Time, attribute.String("nodulescope.document", string(letter.Kind))).End(time.Now(), "")
	}
}
