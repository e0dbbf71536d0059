package plugin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Compute tells where scores are computed.
type Compute struct {
	Device      string `json:"device"` // "cpu", or a device such as "cuda:0"
	Name        string `json:"name,omitempty"`
	Precision   string `json:"precision"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"` // that plans hold on the device

	// Fault says why the device is not used. The processor then does its work:
	// slower, and right.
	Fault   string     `json:"fault,omitempty"`
	Faults  int        `json:"faults,omitempty"`   // how often the device failed since the start
	RetryAt *time.Time `json:"retry_at,omitempty"` // when it is tried again; nil: it is not
}

// check is what /readyz says of the device.
func (c Compute) check() string {
	switch {
	case c.Fault == "":
		return "ok"
	case c.RetryAt != nil:
		return "failed, the processor scores until it is tried again at " + c.RetryAt.UTC().Format(time.RFC3339) + ": " + c.Fault
	}
	return "failed, the processor scores: " + c.Fault
}

// compute asks the host program, which knows nothing where scores are computed
// on the processor.
func (c Config) compute() Compute {
	if c.Compute == nil {
		return Compute{Device: "cpu", Precision: "float32"}
	}
	return c.Compute()
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
