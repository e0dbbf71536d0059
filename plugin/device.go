package plugin

import "github.com/prometheus/client_golang/prometheus"

// Compute tells where scores are computed.
type Compute struct {
	Device      string `json:"device"` // "cpu", or a device such as "cuda:0"
	Name        string `json:"name,omitempty"`
	Precision   string `json:"precision"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"` // that plans hold on the device

	// Fault says why the device is no longer used. The processor then does its
	// work: slower, and right.
	Fault string `json:"fault,omitempty"`
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
	gauge("device_memory_bytes", "Memory that the detectors hold on the device.", func(c Compute) float64 { return float64(c.MemoryBytes) })
}
