package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestSubmitOnce(t *testing.T) {
	b := newBus(t)
	first := submit(t, b, "site", "job-1", sampleJob(2))
	again := submit(t, b, "site", "job-1", sampleJob(2))
	if first.Duplicate || !again.Duplicate || again.Sequence != first.Sequence {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if other := submit(t, b, "site", "job-2", sampleJob(2)); other.Duplicate {
		t.Error("another id is taken for the same job")
	}
	if n := jobsLeft(t, b); n != 2 {
		t.Errorf("%d jobs", n)
	}
}

func TestSubmitRefuses(t *testing.T) {
	b := newBus(t)
	long := sampleJob(1)
	long.Nodules = nil
	for i := range MaxJobNodules {
		// Each "<" takes six bytes of JSON.
		long.Nodules = append(long.Nodules, JobNodule{ID: strings.Repeat("<", 120) + string(rune('0'+i/64)) + string(rune('0'+i%64))})
	}
	bad := sampleJob(1)
	bad.SeriesUID = ""
	for name, tt := range map[string]struct {
		site string
		job  Job
		code Code
	}{
		"site":     {"Site", sampleJob(1), CodeSiteInvalid},
		"513":      {"site", sampleJob(513), CodeTooManyNodules},
		"too long": {"site", long, CodeJobTooLarge},
		"invalid":  {"site", bad, CodeJobInvalid},
	} {
		if _, err := b.SubmitJob(testContext(t), tt.site, "/d", "1", tt.job); CodeOf(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := jobsLeft(t, b); n != 0 {
		t.Errorf("%d jobs were sent", n)
	}
}

func TestSubmitSaysThatTheQueueIsFull(t *testing.T) {
	b := newBus(t)
	b.streams.JobsBytes = 4 << 10
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; i < 10 && err == nil; i++ {
		_, err = b.SubmitJob(testContext(t), "site", "/d", string(rune('a'+i)), sampleJob(8))
	}
	wantCode(t, err, CodeStream)
	if d := next(t, openQueue(t, b, "site")); d.Sequence != 1 {
		t.Errorf("the oldest job is gone: sequence %d", d.Sequence)
	}
}

func TestStatComesFirstAndSitesAreApart(t *testing.T) {
	b := newBus(t)
	stat := sampleJob(1)
	stat.Priority = PriorityStat
	submit(t, b, "site", "routine-1", sampleJob(1))
	submit(t, b, "site", "routine-2", sampleJob(1))
	submit(t, b, "site", "stat-1", stat)
	submit(t, b, "other", "other-1", stat)
	q := openQueue(t, b, "site")
	for _, want := range []string{"stat-1", "routine-1", "routine-2"} {
		d := next(t, q)
		env, _, err := DecodeJob(d.Data)
		if err != nil || env.ID != want {
			t.Fatalf("%s, %v, want %s", env.ID, err, want)
		}
		if d.Headers[headerContentType][0] != contentType || !strings.HasPrefix(want, d.Priority) || d.NumDelivered != 1 {
			t.Errorf("%+v", d)
		}
		if err := d.Done(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	none(t, q, 200*time.Millisecond)
	if n := jobsLeft(t, b); n != 1 {
		t.Errorf("%d jobs left, want that of the other site", n)
	}
}

// Next takes what it hands out and nothing more: a second job stays free for
// another worker of the same site.
func TestNothingIsTakenAhead(t *testing.T) {
	b := newBus(t)
	q1, q2 := openQueue(t, b, "site"), openQueue(t, b, "site")
	submit(t, b, "site", "1", sampleJob(1))
	submit(t, b, "site", "2", sampleJob(1))
	d1, d2 := next(t, q1), next(t, q2)
	if d1.Sequence == d2.Sequence || d2.NumDelivered != 1 {
		t.Errorf("%d and %d, delivered %d times", d1.Sequence, d2.Sequence, d2.NumDelivered)
	}
}

// Many workers, as goroutines and over two connections, share the work: each
// job is seen once.
func TestWorkersShareTheJobs(t *testing.T) {
	t.Parallel()
	const jobs, workers = 120, 6
	server := startServer(t, ServerOptions{DontListen: true})
	buses := []*Bus{connect(t, Options{Server: server}), connect(t, Options{Server: server})}
	if err := buses[0].EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for i := range jobs {
		job := sampleJob(1)
		job.Priority = []string{PriorityStat, PriorityRoutine}[i%2]
		submit(t, buses[i%2], "site", fmt.Sprint(i), job)
	}
	seen := make(chan uint64, jobs+workers)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	var group sync.WaitGroup
	for w := range workers {
		q, err := buses[w%2].Jobs(ctx, "site", ConsumerOptions{PollWait: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for {
				d, err := q.Next(ctx)
				if err != nil {
					return
				}
				stop := d.KeepAlive(ctx)
				if err := d.Done(testContext(t)); err != nil {
					t.Error(err)
				}
				stop()
				seen <- d.Sequence
				if len(seen) == jobs {
					cancel()
				}
			}
		})
	}
	group.Wait()
	close(seen)
	times := map[uint64]int{}
	for seq := range seen {
		times[seq]++
	}
	for seq := uint64(1); seq <= jobs; seq++ {
		if times[seq] != 1 {
			t.Errorf("job %d was seen %d times", seq, times[seq])
		}
	}
	if n := jobsLeft(t, buses[0]); n != 0 {
		t.Errorf("%d jobs left", n)
	}
}

func TestJobOfADeadWorkerComesAgain(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	submit(t, b, "site", "1", sampleJob(1))
	if d := next(t, openQueue(t, b, "site")); d.NumDelivered != 1 {
		t.Errorf("delivered %d times", d.NumDelivered)
	}
	// That worker is never heard of again.
	d := next(t, openQueue(t, b, "site"))
	if d.NumDelivered != 2 {
		t.Errorf("delivered %d times", d.NumDelivered)
	}
	if err := d.Done(testContext(t)); err != nil {
		t.Fatal(err)
	}
	none(t, openQueue(t, b, "site"), time.Second)
}

func TestKeepAliveHoldsAJob(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	q := openQueue(t, b, "site")
	submit(t, b, "site", "1", sampleJob(1))
	d := next(t, q)
	stop := d.KeepAlive(testContext(t))
	none(t, q, 1200*time.Millisecond) // three times AckWait
	stop()
	stop()
	if again := next(t, q); again.NumDelivered != 2 {
		t.Errorf("delivered %d times", again.NumDelivered)
	}
}

func TestRetryWaitsAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	q, err := b.Jobs(testContext(t), "site", ConsumerOptions{PollWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	submit(t, b, "site", "1", sampleJob(1))
	first := next(t, q)
	given := time.Now()
	if err := first.Retry(testContext(t), 700*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	submit(t, b, "site", "2", sampleJob(1))
	if d := next(t, q); d.Sequence != first.Sequence+1 {
		t.Errorf("sequence %d", d.Sequence)
	} else if err := d.Done(testContext(t)); err != nil {
		t.Fatal(err)
	}
	d := next(t, q)
	if d.Sequence != first.Sequence || d.NumDelivered != 2 || time.Since(given) < 700*time.Millisecond {
		t.Errorf("sequence %d delivered %d times after %v", d.Sequence, d.NumDelivered, time.Since(given))
	}
	if err := d.Retry(testContext(t), 0); err != nil {
		t.Fatal(err)
	}
	if d := next(t, q); d.NumDelivered != 3 {
		t.Errorf("delivered %d times", d.NumDelivered)
	}
}

func TestNextEnds(t *testing.T) {
	b := newBus(t)
	q := openQueue(t, b, "site")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b.Close()
	_, err := q.Next(testContext(t))
	wantCode(t, err, CodeUnreachable)
}

func TestQueueOutlivesItsConsumer(t *testing.T) {
	b := newBus(t)
	q := openQueue(t, b, "site")
	for _, name := range []string{"jobs-site-stat", "jobs-site-routine"} {
		if err := b.js.DeleteConsumer(testContext(t), StreamJobs, name); err != nil {
			t.Fatal(err)
		}
	}
	submit(t, b, "site", "1", sampleJob(1))
	if d := next(t, q); d.Sequence != 1 {
		t.Errorf("sequence %d", d.Sequence)
	}
}

func TestJobsRefuses(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	_, err := b.Jobs(testContext(t), "a.b", ConsumerOptions{})
	wantCode(t, err, CodeSiteInvalid)
	_, err = b.Jobs(testContext(t), "site", ConsumerOptions{AckWait: time.Millisecond})
	wantCode(t, err, CodeSettings)
	if err := b.js.DeleteStream(testContext(t), StreamJobs); err != nil {
		t.Fatal(err)
	}
	_, err = b.Jobs(testContext(t), "site", ConsumerOptions{})
	wantCode(t, err, CodeStream)
	_, err = b.SubmitJob(testContext(t), "site", "/d", "1", sampleJob(1))
	wantCode(t, err, CodeStream)
}

// A foreign publisher may send what submit would refuse: it must come in, so
// that a worker can refuse it aloud.
func TestOversizedJobReachesTheWorker(t *testing.T) {
	b := newBus(t)
	big := make([]byte, maxResultBytes)
	msg := &nats.Msg{Subject: "nodule.v1.job.site.routine", Data: big}
	if _, err := b.js.PublishMsg(testContext(t), msg, jetstream.WithExpectStream(StreamJobs)); err != nil {
		t.Fatal(err)
	}
	d := next(t, openQueue(t, b, "site"))
	_, _, err := DecodeJob(d.Data)
	wantCode(t, err, CodeJobTooLarge)
}

// Jobs at a site without a service are told apart from those of one that is only away.
func TestUnclaimed(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	openQueue(t, b, "site")
	for i, site := range []string{"site", "sight", "sight"} {
		submit(t, b, site, fmt.Sprint(i), sampleJob(1))
	}
	got, err := b.Unclaimed(testContext(t))
	if err != nil || len(got) != 1 || got["sight"] != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
