package plugin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// metrics has a registry of its own: a host program may have another.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec   // by outcome
	dead       *prometheus.CounterVec   // by code
	nodules    *prometheus.CounterVec   // by code, "" for scored
	seconds    *prometheus.HistogramVec // by stage
	models     *prometheus.HistogramVec // by model: parts of the stage "score"
	disagree   prometheus.Counter
	inWork     prometheus.Gauge
	sent       *prometheus.CounterVec // by kind
	broker     prometheus.Histogram
	unanswered prometheus.Counter
	unsent     *prometheus.CounterVec // attempts, by code
	lost       *prometheus.CounterVec // by stream
	restored   prometheus.Counter
	info       *prometheus.GaugeVec // of what scores
	gauges     *gauges
	drift      driftGauges
}

func newMetrics(models []bus.Model, software, dataDir string) *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "nodulescope", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		deliveries: counter("deliveries_total", "Jobs taken from the queue, by outcome.", "outcome"),
		dead:       counter("dead_total", "Jobs put aside, by code.", "code"),
		nodules:    counter("nodules_total", "Nodules of new results, by the code of their error; empty where scored.", "code"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "nodulescope", Name: "job_seconds", Help: "Time that a new result took, by stage.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"stage"}),
		models: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "nodulescope", Name: "model_seconds", Help: "Time that a model took for the nodules of a new result.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"model"}),
		disagree: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "nodulescope", Name: "flags_differ_total", Help: "Nodules of new results that some models flag and others do not.",
		}),
		sent:   counter("sent_total", "Results of which a PACS has the documents, by kind.", "kind"),
		unsent: counter("send_failures_total", "Attempts to send to a PACS that failed, by code.", "code"),
		broker: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "nodulescope", Name: "broker_seconds", Help: "Time of one exchange with the broker, each attempt by itself.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		unanswered: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "nodulescope", Name: "broker_unanswered_total", Help: "Exchanges with the broker that had no good answer in time; most are tried again.",
		}),
		lost: counter("messages_lost_total", "Messages that were found gone or damaged in a stream and do not come back.", "stream"),
		restored: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "nodulescope", Name: "results_restored_total", Help: "Results that were gone from the bus and were put back from the ledger.",
		}),
		inWork: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "nodulescope", Name: "jobs_in_work", Help: "Jobs worked on now."}),
	}
	m.info = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "nodulescope", Name: "model_info", Help: "Detectors that score.",
	}, []string{"model", "digest", "calibration", "software"})
	m.setModels(models, software)
	m.registry.MustRegister(m.deliveries, m.dead, m.nodules, m.seconds, m.models, m.disagree, m.inWork, m.sent, m.unsent, m.broker, m.unanswered, m.lost, m.restored, m.info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, outcome := range jobs.Outcomes() {
		m.deliveries.WithLabelValues(string(outcome)) // a rate needs the zero
	}
	m.gauges = newGauges(m.registry, dataDir)
	m.drift = newDriftGauges(m.registry)
	for _, stream := range bus.Streams() {
		m.lost.WithLabelValues(stream)
	}
	return m
}

// setModels tells which detectors score.
func (m *metrics) setModels(models []bus.Model, software string) {
	m.info.Reset()
	for _, model := range models {
		m.info.WithLabelValues(model.Name, model.Digest, model.Calibration, software).Set(1)
	}
}

// damage counts what was found wrong in the streams.
func (m *metrics) damage(d jobs.Damage) {
	m.restored.Add(float64(d.Restored))
	for stream, n := range d.Lost {
		m.lost.WithLabelValues(stream).Add(float64(n))
	}
}

// outbox registers what waits to be sent; status is asked at every scrape.
func (m *metrics) outbox(status func() outbox.Status) {
	gauge := func(name, help string, value func(outbox.Status) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "nodulescope", Name: name, Help: help},
			func() float64 { return value(status()) }))
	}
	gauge("send_waiting", "Letters of the outbox that wait for a PACS.", func(s outbox.Status) float64 { return float64(s.Waiting) })
	gauge("send_refused", "Letters of the outbox that a PACS refused for good; they are kept.", func(s outbox.Status) float64 { return float64(s.Refused) })
	gauge("send_oldest_timestamp_seconds", "Since when the oldest letter waits; 0 where none does.", func(s outbox.Status) float64 {
		if s.Since.IsZero() {
			return 0
		}
		return float64(s.Since.UnixMilli()) / 1000
	})
}

// storage registers what hangs in folders that do not answer; hung is asked at
// every scrape.
func (m *metrics) storage(hung func() storage.Count) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "nodulescope", Name: "storage_hung",
		Help: "Reads of files or folders that were left behind and have not ended: their storage does not answer."},
		func() float64 { return float64(hung().Now) }))
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "nodulescope", Name: "storage_abandoned_total",
		Help: "Reads of files or folders that were left behind."},
		func() float64 { return float64(hung().Total) }))
}

var _ jobs.Metrics = (*metrics)(nil)

// InWork implements jobs.Metrics.
func (m *metrics) InWork(change int) { m.inWork.Add(float64(change)) }

// Delivery implements jobs.Metrics.
func (m *metrics) Delivery(o jobs.Outcome) { m.deliveries.WithLabelValues(string(o)).Inc() }

// DeadLetter implements jobs.Metrics.
func (m *metrics) DeadLetter(code string) { m.dead.WithLabelValues(code).Inc() }

// brokerCall notes one exchange with the broker.
func (m *metrics) brokerCall(took time.Duration, failed bool) {
	m.broker.Observe(took.Seconds())
	if failed {
		m.unanswered.Inc()
	}
}

// Result implements jobs.Metrics.
func (m *metrics) Result(r bus.Result) {
	for stage, ms := range map[string]float64{
		"read": r.TimingsMS.Read, "cut": r.TimingsMS.Cut, "score": r.TimingsMS.Score, "total": r.TimingsMS.Total,
	} {
		m.seconds.WithLabelValues(stage).Observe((time.Duration(ms * float64(time.Millisecond))).Seconds())
	}
	if r.Outliner != nil {
		m.seconds.WithLabelValues("outline").Observe(r.TimingsMS.Outline / 1000)
	}
	for _, t := range r.TimingsMS.Models {
		m.models.WithLabelValues(t.Model).Observe(t.Score / 1000)
	}
	for _, n := range r.Nodules {
		if n.Disagreement != nil && n.Disagreement.FlagsDiffer {
			m.disagree.Inc()
		}
		code := ""
		if n.Error != nil {
			code = n.Error.Code
		}
		m.nodules.WithLabelValues(code).Inc()
	}
}

// device registers where scores are computed; status is asked at every scrape.
func (m *metrics) device(status func() Compute) {
	labels := prometheus.Labels{"device": status().Device}
	gauge := func(name, help string, value func(Compute) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "nodulescope", Name: name, Help: help, ConstLabels: labels},
			func() float64 { return value(status()) }))
	}
	gauge("device_up", "Whether scores are computed on the device that was chosen; 0 where it failed and the processor does its work.", func(c Compute) float64 {
		if c.Fault != "" {
			return 0
		}
		return 1
	})
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "nodulescope", Name: "device_faults_total", ConstLabels: labels,
		Help: "How often the device failed while it was in use; after each the processor scores until the device is back."},
		func() float64 { return float64(status().Faults) }))
	gauge("device_memory_bytes", "Memory that the detectors hold on the device.", func(c Compute) float64 { return float64(c.MemoryBytes) })
}
