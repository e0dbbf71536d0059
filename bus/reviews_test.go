package bus

import (
	"fmt"
	"testing"
	"time"
)

func TestReviewIsStoredOnceAndFound(t *testing.T) {
	b := newBus(t)
	review := func(n int) Review {
		return Review{Identity: "sha256:a", NoduleID: "n1", Verdict: Suspicious, Reviewer: "ann", Version: n, Time: time.Unix(5, 0)}
	}
	if last, err := b.LastReviewSeq(testContext(t)); last != 0 || err != nil {
		t.Error(last, err)
	}
	for n := 1; n <= 3; n++ {
		if _, err := b.PublishReview(testContext(t), "site", "/page", review(n)); err != nil {
			t.Fatal(err)
		}
	}
	ack, err := b.PublishReview(testContext(t), "site", "/page", review(2))
	if err != nil || !ack.Duplicate {
		t.Errorf("%+v, %v", ack, err)
	}
	if last, err := b.LastReviewSeq(testContext(t)); last != 3 || err != nil {
		t.Error(last, err)
	}
	for _, tt := range []struct {
		site       string
		n          int
		from, want uint64
	}{{"site", 2, 0, 2}, {"site", 2, 2, 2}, {"site", 2, 3, 0}, {"site", 4, 0, 0}, {"other", 1, 0, 0}} {
		seq, found, err := b.FindReview(testContext(t), tt.site, ReviewID(review(tt.n)), tt.from)
		if err != nil || seq != tt.want || found != (tt.want > 0) {
			t.Errorf("%+v: %d, %v, %v", tt, seq, found, err)
		}
	}
	var seen []string
	err = b.Reviews(testContext(t), "site", 2, func(env Envelope, r Review) error {
		seen = append(seen, fmt.Sprint(env.Sequence, r.Version))
		return nil
	})
	if err != nil || fmt.Sprint(seen) != "[2 2 3 3]" {
		t.Error(seen, err)
	}
	if err := b.Reviews(testContext(t), "site", 0, func(Envelope, Review) error { return ErrStop }); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		b.Reviews(testContext(t), "a.b", 0, nil),
		func() error { _, _, err := b.FindReview(testContext(t), "a.b", "x", 0); return err }(),
		func() error { _, err := b.WaitingJobs(testContext(t), "a.b", 1); return err }(),
	} {
		if CodeOf(err) != CodeSiteInvalid {
			t.Error(err)
		}
	}
}

func TestWaitingJobs(t *testing.T) {
	b := newBus(t)
	for i, priority := range []string{"", PriorityStat, PriorityRoutine} {
		job := sampleJob(i)
		job.Priority = priority
		submit(t, b, "site", fmt.Sprint("job", i), job)
	}
	submit(t, b, "other", "elsewhere", sampleJob(1))
	for _, tt := range []struct {
		limit int
		want  string
	}{{9, "[job1 stat job0 routine job2 routine]"}, {2, "[job1 stat job0 routine]"}, {0, "[]"}} {
		jobs, err := b.WaitingJobs(testContext(t), "site", tt.limit)
		var got []string
		for _, j := range jobs {
			if j.Stored.IsZero() || j.SeriesUID == "" {
				t.Errorf("%+v", j)
			}
			got = append(got, j.ID, j.Priority)
		}
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("limit %d: %v, %v", tt.limit, got, err)
		}
	}
}

func TestGetResult(t *testing.T) {
	b := newBus(t)
	ack := publishResult(t, b, "site", "a")
	env, r, err := b.GetResult(testContext(t), ack.Sequence)
	if err != nil || env.Sequence != ack.Sequence || r.Identity != "a" || len(r.Nodules) != 1 {
		t.Errorf("%+v %+v %v", env, r, err)
	}
	if _, _, err := b.GetResult(testContext(t), 99); CodeOf(err) != CodeStream {
		t.Error(err)
	}
}
