// Package tracing tells an OpenTelemetry collector what became of jobs, as spans over
// OTLP/HTTP.
//
// # Spans
//
// A span job is a child of the trace that the detector's message names, from when the
// broker stored it until it was settled. Below it are queue, read, cut, outline, score and
// publish; the times of read to score are those of the result, one after the other. The
// result carries the trace on: review (from the result to the decision) and report (from
// when it was written to when a PACS has it) are children of the job, too.
//
// Attributes name the site, the priority, the outcome, codes, counts and names of models:
// no patient, no UID, no place and no id that others gave.
//
// # Never in the way
//
// Spans wait in memory for their export, at most queueSize; more are dropped. A collector
// that is away or hangs is told in the log, and costs a stop exportEnd at most.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// CodeSettings is the code of an address that cannot be used.
const CodeSettings coded.Code = "settings_invalid"

const (
	queueSize     = 4096
	exportTime    = 5 * time.Second  // of one attempt
	exportRetries = 20 * time.Second // of all attempts at one batch
	exportEnd     = 2 * time.Second  // for what is left at a stop
	tellEvery     = time.Minute      // between two lines of the log on one trouble
)

// Options say where spans go.
type Options struct {
	// URL of the collector, such as http://collector:4318; without a path, /v1/traces is
	// added. Headers are taken from OTEL_EXPORTER_OTLP_HEADERS.
	URL            string
	Software, Site string
	Logger         *slog.Logger
}

// Check returns an error where the address cannot be used. Code: settings_invalid.
func (o Options) Check() error {
	if o.URL == "" {
		return nil
	}
	if _, err := o.endpoint(); err != nil {
		return coded.New(CodeSettings, "check settings", "the address of the collector of traces is http://host:port or https://host:port, with a path or without", err)
	}
	return nil
}

func (o Options) endpoint() (string, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return "", fmt.Errorf("not an address of http or https without a user")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New makes a tracer, nil where no address is given. Nothing is sent before there are
// spans. Code: settings_invalid.
func New(ctx context.Context, o Options) (*Tracer, error) {
	if o.URL == "" {
		return nil, nil //nolint:nilnil // a nil tracer is one
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	endpoint, err := o.endpoint()
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithTimeout(exportTime),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: exportTime, MaxElapsedTime: exportRetries}))
	if err != nil {
		return nil, coded.New(CodeSettings, "open tracing", "the exporter refuses its settings; see the variables OTEL_EXPORTER_OTLP_...", err)
	}
	told := &told{log: o.Logger}
	otel.SetErrorHandler(told)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(queueSize), sdktrace.WithBatchTimeout(time.Second), sdktrace.WithExportTimeout(exportRetries)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "nodulescope"),
			attribute.String("service.version", o.Software), attribute.String("nodulescope.site", o.Site))),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
	)
	return &Tracer{provider, provider.Tracer("github.com/nodulescope/nodulescope")}, nil
}

// told writes what the exporter fails at to the log, now and then.
type told struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (t *told) Handle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.last) > tellEvery {
		t.last = time.Now()
		t.log.Warn("traces are not delivered", "error", err)
	}
}

// Close sends what is left, for exportEnd at most.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportEnd)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Span is one that has begun. A nil one does nothing.
type Span struct {
	tracer *Tracer
	ctx    context.Context //nolint:containedctx // how the library names a parent
	span   trace.Span
}

var propagator = propagation.TraceContext{}

// Begin begins a span below a W3C traceparent; one that is not valid begins a new trace.
func (t *Tracer) Begin(parent, name string, at time.Time, attributes ...attribute.KeyValue) *Span {
	if t == nil {
		return nil
	}
	ctx := propagator.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent})
	return t.begin(ctx, name, at, attributes)
}

func (t *Tracer) begin(ctx context.Context, name string, at time.Time, attributes []attribute.KeyValue) *Span {
	ctx, span := t.tracer.Start(ctx, name, trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...))
	return &Span{t, ctx, span}
}

// Part adds a span below this one that has ended.
func (s *Span) Part(name string, from, to time.Time, attributes ...attribute.KeyValue) {
	if s == nil {
		return
	}
	_, span := s.tracer.tracer.Start(s.ctx, name, trace.WithTimestamp(from), trace.WithAttributes(attributes...))
	span.End(trace.WithTimestamp(to))
}

// Set adds attributes.
func (s *Span) Set(attributes ...attribute.KeyValue) {
	if s != nil {
		s.span.SetAttributes(attributes...)
	}
}

// TraceParent is what continues the trace below this span; "" where there is none.
func (s *Span) TraceParent() string {
	if s == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagator.Inject(s.ctx, carrier)
	return carrier["traceparent"]
}

// End ends a span; code is the error code of what failed.
func (s *Span) End(at time.Time, code string) {
	if s == nil {
		return
	}
	if code != "" {
		s.span.SetAttributes(attribute.String("error.type", code))
	}
	s.span.End(trace.WithTimestamp(at))
}

type spanKey struct{}

// With puts a span into a context.
func With(ctx context.Context, s *Span) context.Context { return context.WithValue(ctx, spanKey{}, s) }

// From finds the span of a context; nil where there is none.
func From(ctx context.Context) *Span {
	s, _ := ctx.Value(spanKey{}).(*Span)
	return s
}
