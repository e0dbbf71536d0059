package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// newDetector is a VAE-AD with weights that were never trained. It is made
// once: its plans are compiled at the first score.
var newDetector = sync.OnceValues(func() (detector.Detector, error) { return untrained(1) })

func untrained(seed uint64) (*detector.VAEAD, error) {
	ps := models.ReferenceVAE.NewParams(rand.New(rand.NewPCG(seed, 2)))
	return detector.NewVAEAD(
		models.Header{Kind: "vae", Dims: 3, Latent: models.ReferenceVAE.Latent, Preprocessing: nodule.PreprocessingVersion}, ps,
		detector.Calibration{Reference: []float64{0.01, 0.05, 0.1, 0.2}, Threshold: 0.15})
}

func testDetector(t testing.TB) detector.Detector {
	t.Helper()
	d, err := newDetector()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ctSpec is a small series, 48 mm in every direction, with a ball of soft
// tissue in its middle, at the origin.
func ctSpec() dicomtest.Spec {
	return dicomtest.Spec{
		Slices: 48, Rows: 48, Cols: 48, Spacing: [3]float64{1, 1, 1}, Origin: [3]float64{-23.5, -23.5, -23.5},
		Stored: func(z, y, x int) int {
			dz, dy, dx := float64(z)-23.5, float64(y)-23.5, float64(x)-23.5
			if dz*dz+dy*dy+dx*dx < 36 {
				return 40
			}
			return -850 + (z*7+y*5+x*3)%20
		},
	}
}

func writeCT(t testing.TB, spec dicomtest.Spec) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "ct")
	if err := dicomtest.WriteSeries(dir, spec); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ctJob asks for one nodule in the middle of a series of ctSpec.
func ctJob(t testing.TB, dir string) bus.Job {
	t.Helper()
	uri, err := FileURI(dir)
	if err != nil {
		t.Fatal(err)
	}
	return bus.Job{
		SeriesUID: "1.2.826.0.1.3680043.10.9.1.2", URI: uri,
		Nodules: []bus.JobNodule{{ID: "n1", DiameterMM: 12, Confidence: 0.9}},
	}
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// testConfig is quick to retry.
func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		DataDir: t.TempDir(), Detectors: []detector.Detector{testDetector(t)}, Logger: testLogger(t),
		Server:     bus.ServerOptions{DontListen: true},
		Queue:      bus.ConsumerOptions{AckWait: 10 * time.Second, PollWait: 20 * time.Millisecond},
		RetryDelay: 20 * time.Millisecond, MaxAttempts: 3, MinFreeBytes: 1,
	}
}

// running is a plugin at work.
type running struct {
	*Plugin
	t    testing.TB
	bus  *bus.Bus
	stop func() error // ends it and returns what Run did
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the plugin ended with: %v", err)
		}
	})
	b, err := p.Bus(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return &running{Plugin: p, t: t, bus: b, stop: stop}
}

func (r *running) submit(source, id string, job bus.Job) {
	r.t.Helper()
	if _, err := r.bus.SubmitJob(testContext(r.t), r.Site(), source, id, job); err != nil {
		r.t.Fatal(err)
	}
}

// sequenced is a result with its envelope.
type sequenced struct {
	bus.Result
	env bus.Envelope
}

// results waits until there are n results, and returns them in order.
func (r *running) results(n int) []sequenced { return results(r.t, r.bus, r.Site(), n) }

func results(t testing.TB, b *bus.Bus, site string, n int) (found []sequenced) {
	t.Helper()
	err := b.FollowResults(testContext(t), site, bus.FollowOptions{FromStart: true}, func(env bus.Envelope, res bus.Result) error {
		if found = append(found, sequenced{res, env}); len(found) >= n {
			return bus.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%d results, want %d: %v", len(found), n, err)
	}
	return found
}

// idle waits until no job is left, waiting or in work, and fails where there
// are not n results then.
func (r *running) idle(n int) []sequenced {
	r.t.Helper()
	r.settled(func(m map[string]float64) bool { return m["nodulescope_jobs_in_work"] == 0 })
	return exactly(r.t, r.bus, r.Site(), n)
}

// probeIdentity is that of messages which a test sends to try the broker.
const probeIdentity = "probe"

// exactly fails unless there are n results now, probes aside.
func exactly(t testing.TB, b *bus.Bus, site string, n int) (found []sequenced) {
	t.Helper()
	last, err := b.LastResultSeq(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if last > 0 {
		err = b.FollowResults(testContext(t), site, bus.FollowOptions{FromStart: true}, func(env bus.Envelope, res bus.Result) error {
			if res.Identity != probeIdentity {
				found = append(found, sequenced{res, env})
			}
			if env.Sequence >= last {
				return bus.ErrStop
			}
			return nil
		})
	}
	if err != nil || len(found) != n {
		t.Fatalf("%d results, want %d: %v", len(found), n, err)
	}
	return found
}

// settled waits for the metrics to say something.
func (r *running) settled(enough func(map[string]float64) bool) {
	r.t.Helper()
	waitFor(r.t, func() bool { return enough(gather(r.t, r.Plugin)) })
}

// outcome waits until n deliveries ended so.
func (r *running) outcome(name string, n int) {
	r.t.Helper()
	r.settled(func(m map[string]float64) bool { return m["nodulescope_deliveries_total/"+name] >= float64(n) })
}

// gather reads counters and gauges as name or name/label.
func gather(t testing.TB, p *Plugin) map[string]float64 {
	t.Helper()
	families, err := p.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			if len(m.GetLabel()) == 1 {
				name += "/" + m.GetLabel()[0].GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	ctx := testContext(t)
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not happen in time")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// letter waits for the n-th dead letter, the only ones being n.
func (r *running) letter(n int) bus.DeadLetter {
	r.t.Helper()
	var letters []bus.DeadLetter
	waitFor(r.t, func() bool {
		var err error
		if letters, err = r.bus.DeadLetters(testContext(r.t), r.Site(), bus.DeadOptions{}); err != nil {
			r.t.Fatal(err)
		}
		return len(letters) >= n
	})
	if len(letters) != n {
		r.t.Fatalf("%d dead letters, want %d", len(letters), n)
	}
	return letters[n-1]
}

func wantCode(t testing.TB, err error, code any) {
	t.Helper()
	if err == nil || CodeOf(err) != fmt.Sprint(code) {
		t.Fatalf("error %v (code %q), want code %v", err, CodeOf(err), code)
	}
}

// wrapped is a real detector that does something more.
type wrapped struct {
	detector.Detector
	before func(ctx context.Context, patches []nodule.Patch) error
}

func (w wrapped) Score(ctx context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	if err := w.before(ctx, patches); err != nil {
		return nil, err
	}
	return w.Detector.Score(ctx, patches)
}

var errTest = errors.New("a failure of the test")
