package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

var testContext = checktest.Context

func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func startServer(t testing.TB, opts ServerOptions) *Server {
	t.Helper()
	if opts.StoreDir == "" {
		opts.StoreDir = t.TempDir()
	}
	opts.Logger = testLogger(t)
	s, err := Start(testContext(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(testContext(t)); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t testing.TB, opts Options) *Bus {
	t.Helper()
	opts.Logger = testLogger(t)
	b, err := Connect(testContext(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// newBus is a connection to a fresh in-process server with all streams.
func newBus(t testing.TB) *Bus {
	t.Helper()
	b := connect(t, Options{Server: startServer(t, ServerOptions{DontListen: true})})
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleJob(nodules int) Job {
	job := Job{
		StudyUID: "1.2.3", SeriesUID: "1.2.3.4", URI: "file:///data/ct/scan1", FrameOfReferenceUID: "1.2.9",
		Nodules: []JobNodule{},
	}
	for i := range nodules {
		job.Nodules = append(job.Nodules, JobNodule{
			ID: fmt.Sprintf("n%d", i+1), PositionLPS: [3]float64{-61.5, float64(i), -1204.25}, DiameterMM: 6.5, Confidence: 0.75,
		})
	}
	return job
}

func sampleResult(identity string) Result {
	p := 0.25
	return Result{
		Identity: identity, JobID: "job-1", JobSource: "/detector/a", SeriesUID: "1.2.3.4",
		Nodules: []ResultNodule{{
			JobNodule: JobNodule{ID: "n1", PositionLPS: [3]float64{1, 2, 3}},
			Scores:    []NoduleScore{{Model: "vae-ad", Raw: 1.5, Probability: &p, ComputedBy: &Machine{"cuda:0", "a card", "float32"}}},
		}},
	}
}

func submit(t testing.TB, b *Bus, site, id string, job Job) Ack {
	t.Helper()
	ack, err := b.SubmitJob(testContext(t), site, "/detector/a", id, job)
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// openQueue takes jobs with a short AckWait, so that redelivery can be seen.
func openQueue(t testing.TB, b *Bus, site string) *JobQueue {
	t.Helper()
	q, err := b.Jobs(testContext(t), site, ConsumerOptions{AckWait: 400 * time.Millisecond, PollWait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func next(t testing.TB, q *JobQueue) *Delivery {
	t.Helper()
	d, err := q.Next(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// none fails where a job comes within wait.
func none(t testing.TB, q *JobQueue, wait time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(testContext(t), wait)
	defer cancel()
	if d, err := q.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a job came that should not: %+v, %v", d, err)
	}
}

func jobsLeft(t testing.TB, b *Bus) uint64 {
	t.Helper()
	s, err := b.js.Stream(testContext(t), StreamJobs)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func wantCode(t testing.TB, err error, code Code) {
	t.Helper()
	if CodeOf(err) != code {
		t.Fatalf("error %v, want code %s", err, code)
	}
}
