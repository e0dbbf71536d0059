package plugin

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

const driftEvery = 10 * time.Minute // between two looks at what has moved

// driftGauges tell what has moved, by value.
type driftGauges struct {
	distance, alarm *prometheus.GaugeVec
	series          prometheus.Gauge
}

func newDriftGauges(registry *prometheus.Registry) driftGauges {
	options := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "nodulescope", Name: name, Help: help}
	}
	g := driftGauges{
		distance: prometheus.NewGaugeVec(options("drift_distance", "How far a value of the last 28 days is from the reference of the models, 0 to 1 for numbers; of values of which a change can be told."), []string{"value"}),
		alarm:    prometheus.NewGaugeVec(options("drift_alarm", "Whether a value has moved by more than chance and by more than is small: 'nodulescope models drift' says how."), []string{"value"}),
		series:   prometheus.NewGauge(options("drift_series", "Series of the last 28 days that are compared with the reference.")),
	}
	registry.MustRegister(g.distance, g.alarm, g.series)
	g.alarm.WithLabelValues(drift.Kernel) // an alert needs the zero
	return g
}

func (g *driftGauges) set(r *drift.Report) {
	g.distance.Reset()
	g.alarm.Reset()
	g.alarm.WithLabelValues(drift.Kernel)
	g.series.Set(float64(r.Series))
	for _, c := range r.Values {
		if !c.Enough {
			continue
		}
		g.distance.WithLabelValues(c.Name).Set(c.Distance)
		alarm := 0.0
		if c.Alarm {
			alarm = 1
		}
		g.alarm.WithLabelValues(c.Name).Set(alarm)
	}
}

// Drift compares what the service of a data folder has scored in the last 28 days with
// what the models learned from that score now. It may run or not. Codes: drift_failed,
// and those of store.Find.
func Drift(dataDir string, now time.Time) (*drift.Report, error) {
	current, err := store.Open(dataDir).Current()
	if err != nil {
		return nil, err
	}
	return driftOf(dataDir, current.Version, now)
}

func driftOf(dataDir, version string, now time.Time) (*drift.Report, error) {
	records, err := drift.Read(dataDir)
	if err != nil {
		return nil, err
	}
	var ref *drift.Reference
	if version != "" && version != store.Shipped {
		s := store.Open(dataDir)
		m, err := s.Find(version)
		if err != nil {
			return nil, err
		}
		content, err := s.File(m, store.RoleReference)
		if err != nil {
			return nil, err
		}
		if content != nil {
			if ref, err = drift.Decode(content); err != nil {
				return nil, err
			}
		}
	}
	return drift.NewReport(now, version, ref, records), nil
}

// noises are what was measured around the nodules of results that are being made.
type noises struct {
	mu  sync.Mutex
	all map[string][]float64 // HU, by identity
}

func (n *noises) of(identity string) []float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[identity]
}

// noisy measures the noise around nodules whose pictures it passes on.
type noisy struct {
	jobs.Draft
	identity string
	in       *noises
}

func (d noisy) Nodule(number int, cube *nodule.Cube, patch nodule.Patch) {
	d.Draft.Nodule(number, cube, patch)
	hu, known := drift.Noise(cube)
	if !known {
		return
	}
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	if d.in.all == nil {
		d.in.all = map[string][]float64{}
	}
	d.in.all[d.identity] = append(d.in.all[d.identity], hu)
}

// Drop is called at the end of every draft.
func (d noisy) Drop() {
	d.Draft.Drop()
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	delete(d.in.all, d.identity)
}

// noteDrift keeps what a new result and its series are like.
func (p *Plugin) noteDrift(s *dicomio.Series, r *bus.Result) {
	if err := drift.Append(p.cfg.DataDir, drift.Of(time.Now(), p.models.name(), s, r, p.noise.of(r.Identity))); err != nil {
		p.log.Warn("what drift is told from is not kept", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	}
}

// watchDrift tells the metrics what has moved until ctx ends.
func (p *Plugin) watchDrift(ctx context.Context) {
	tick := time.NewTicker(driftEvery)
	defer tick.Stop()
	for {
		p.lookDrift(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Plugin) lookDrift(now time.Time) {
	r, err := driftOf(p.cfg.DataDir, p.models.name(), now)
	if err != nil {
		p.log.Warn("drift is not told", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
		return
	}
	p.metrics.drift.set(r)
	for _, c := range r.Values {
		if c.Alarm {
			p.log.Warn("what is scored has moved away from what the models learned from", "value", c.Name, "distance", c.Distance, "p", c.P)
		}
	}
}
