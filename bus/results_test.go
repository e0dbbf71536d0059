package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func publishResult(t *testing.T, b *Bus, site, identity string) Ack {
	t.Helper()
	ack, err := b.PublishResult(testContext(t), site, "/plugin", sampleResult(identity))
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

func TestResultIsStoredOnceAndFound(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	if last, err := b.LastResultSeq(testContext(t)); last != 0 || err != nil {
		t.Error(last, err)
	}
	if _, found, err := b.FindResult(testContext(t), "site", "a", 0); found || err != nil {
		t.Error("found in an empty stream", err)
	}
	first, again := publishResult(t, b, "site", "a"), publishResult(t, b, "site", "a")
	if first.Sequence != 1 || first.Duplicate || again.Sequence != 1 || !again.Duplicate {
		t.Errorf("first %+v, again %+v", first, again)
	}
	for i := range 600 { // more than two batches of a scan
		publishResult(t, b, "site", fmt.Sprintf("x%d", i))
	}
	publishResult(t, b, "other", "b")
	last, err := b.LastResultSeq(testContext(t))
	if err != nil || last != 602 {
		t.Error(last, err)
	}
	for _, tt := range []struct {
		site, identity string
		from, want     uint64
	}{
		{"site", "a", 0, 1}, {"site", "a", 1, 1}, {"site", "a", 2, 0}, {"site", "x599", 0, 601}, {"site", "x599", 601, 601},
		{"site", "x599", 602, 0}, {"site", "x599", 9999, 0}, {"site", "b", 0, 0}, {"other", "b", 0, 602}, {"nobody", "a", 0, 0},
	} {
		seq, found, err := b.FindResult(testContext(t), tt.site, tt.identity, tt.from)
		if err != nil || seq != tt.want || found != (tt.want > 0) {
			t.Errorf("%+v: %d, %v, %v", tt, seq, found, err)
		}
	}
	if _, _, err := b.FindResult(testContext(t), "a.b", "a", 0); CodeOf(err) != CodeSiteInvalid {
		t.Error(err)
	}
}

// An event that was encoded before is stored byte for byte, under the identity
// that it holds.
func TestResultEventIsStoredAsItIs(t *testing.T) {
	b := newBus(t)
	event := []byte(`{"specversion":"1.0", "id":"a", "source":"/plugin", "type":"` + TypeResult + `", "later":"x",
		"data":{"nodules":[], "identity":"a", "of_a_later_version":1}}`)
	ack, err := b.PublishResultEvent(testContext(t), "site", event)
	if err != nil || ack.Sequence != 1 {
		t.Fatal(ack, err)
	}
	s, err := b.js.Stream(testContext(t), StreamResults)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := s.GetMsg(testContext(t), 1)
	if err != nil || !bytes.Equal(stored.Data, event) || stored.Header.Get(headerIdentity) != "a" {
		t.Errorf("%v: %v %s", err, stored.Header, stored.Data)
	}
	if again := publishResult(t, b, "site", "a"); !again.Duplicate {
		t.Errorf("its identity does not name it: %+v", again)
	}
	for code, bad := range map[Code]string{CodeNotJSON: "{", CodeWrongType: strings.Replace(string(event), TypeResult, TypeJob, 1)} {
		if _, err := b.PublishResultEvent(testContext(t), "site", []byte(bad)); CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

func TestFindResultOfABrokenStreamIsAnError(t *testing.T) {
	b := newBus(t)
	if err := b.js.DeleteStream(testContext(t), StreamResults); err != nil {
		t.Fatal(err)
	}
	_, found, err := b.FindResult(testContext(t), "site", "a", 0)
	wantCode(t, err, CodeStream)
	if found {
		t.Error("found")
	}
}

func TestResultLargerThanTheBrokerTakes(t *testing.T) {
	b := newBus(t)
	c := config(t, b, StreamResults)
	c.MaxMsgSize = 2000
	if _, err := b.js.UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
	r := sampleResult("big")
	r.IntendedUse = strings.Repeat("x", 2000)
	_, err := b.PublishResult(testContext(t), "site", "/plugin", r)
	wantCode(t, err, CodeMessageTooLarge)
}

func follow(t *testing.T, b *Bus, site string, opts FollowOptions, n int) []string {
	t.Helper()
	var got []string
	err := b.FollowResults(testContext(t), site, opts, func(env Envelope, r Result) error {
		got = append(got, fmt.Sprintf("%d %s", env.Sequence, r.Identity))
		if len(got) == n {
			return ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFollowResults(t *testing.T) {
	b := newBus(t)
	publishResult(t, b, "site", "a")
	// Not a result: left out.
	if _, err := b.js.Publish(testContext(t), "nodule.v1.result.site", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	publishResult(t, b, "other", "b")
	publishResult(t, b, "site", "c")
	stream, err := b.js.Stream(testContext(t), StreamResults)
	if err != nil {
		t.Fatal(err)
	}
	c, err := stream.GetMsg(testContext(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		site string
		opts FollowOptions
		want []string
	}{
		"start":    {"site", FollowOptions{FromStart: true}, []string{"1 a", "4 c"}},
		"all":      {"", FollowOptions{FromStart: true}, []string{"1 a", "3 b", "4 c"}},
		"sequence": {"", FollowOptions{FromSeq: 2}, []string{"3 b", "4 c"}},
		"since":    {"site", FollowOptions{Since: c.Time}, []string{"4 c"}},
	} {
		if d := cmp.Diff(tt.want, follow(t, b, tt.site, tt.opts, len(tt.want))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestFollowResultsFromNow(t *testing.T) {
	b := newBus(t)
	publishResult(t, b, "site", "old")
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	ended := make(chan error, 1)
	seen := make(chan string, 100)
	go func() {
		ended <- b.FollowResults(ctx, "site", FollowOptions{}, func(_ Envelope, r Result) error {
			seen <- r.Identity
			return nil
		})
	}()
	for i := 0; len(seen) == 0; i++ { // until the follower is there
		publishResult(t, b, "site", fmt.Sprintf("new%d", i))
		time.Sleep(10 * time.Millisecond)
	}
	if first := <-seen; !strings.HasPrefix(first, "new") {
		t.Errorf("followed %q", first)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFollowResultsEndsWithItsFunction(t *testing.T) {
	b := newBus(t)
	publishResult(t, b, "site", "a")
	broken := errors.New("disk full")
	err := b.FollowResults(testContext(t), "site", FollowOptions{FromStart: true}, func(Envelope, Result) error { return broken })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	wantCode(t, b.FollowResults(testContext(t), "A", FollowOptions{}, nil), CodeSiteInvalid)
	if err := b.js.DeleteStream(testContext(t), StreamResults); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.FollowResults(testContext(t), "a", FollowOptions{FromStart: true}, nil), CodeStream)
}

func TestPublishReview(t *testing.T) {
	b := newBus(t)
	r := Review{Identity: "a", NoduleID: "n1", Verdict: Suspicious, Reviewer: "r", Version: 1}
	first, err := b.PublishReview(testContext(t), "site", "/review", r)
	if err != nil || first.Duplicate {
		t.Fatal(first, err)
	}
	if again, err := b.PublishReview(testContext(t), "site", "/review", r); err != nil || !again.Duplicate {
		t.Error(again, err)
	}
	r.Reviewer = "another"
	if second, err := b.PublishReview(testContext(t), "site", "/review", r); err != nil || second.Duplicate {
		t.Error("the decision of a second radiologist is lost", err)
	}
}

// A result that was made before nodules were outlined, or without, says nothing
// of outlines.
func TestResultWithoutOutlines(t *testing.T) {
	b, err := EncodeResult("/plugin", sampleResult("a"))
	if err != nil || bytes.Contains(b, []byte("outline")) {
		t.Errorf("%v\n%s", err, b)
	}
	if _, r, err := DecodeResult(b); err != nil || r.Outliner != nil || r.Nodules[0].Outline != nil || r.Nodules[0].OutlineError != nil {
		t.Errorf("%v, %+v", err, r)
	}
}

// A result is stored only where none of its site has come since its worker
// looked; results of other sites do not count.
func TestPublishResultAfter(t *testing.T) {
	b := newBus(t)
	store := func(site, identity string, last uint64) error {
		event, err := EncodeResult("/p", sampleResult(identity))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.PublishResultAfter(testContext(t), site, event, Origin{}, last)
		return err
	}
	for _, tt := range []struct {
		site, identity string
		last           uint64
		overtaken      bool
	}{
		{"site", "a", 1, true}, {"site", "a", 0, false}, {"other", "b", 0, false},
		{"site", "c", 0, true}, {"site", "c", 2, true}, {"site", "c", 1, false},
	} {
		if err := store(tt.site, tt.identity, tt.last); errors.Is(err, ErrOvertaken) != tt.overtaken || err != nil && !tt.overtaken {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if last, err := b.NewestResult(testContext(t), "site"); last != 3 || err != nil {
		t.Errorf("%d, %v", last, err)
	}
	if last, err := b.NewestResult(testContext(t), "none"); last != 0 || err != nil {
		t.Errorf("%d, %v", last, err)
	}
	found := map[string]uint64{}
	err := b.ResultIdentities(testContext(t), "site", 2, func(identity string, sequence uint64) error {
		found[identity] = sequence
		return nil
	})
	if err != nil || len(found) != 1 || found["c"] != 3 {
		t.Errorf("%v, %v", found, err)
	}
	if _, r, there, err := b.ResultAt(testContext(t), 3); !there || err != nil || r.Identity != "c" {
		t.Errorf("%+v, %v, %v", r, there, err)
	}
	if _, _, there, err := b.ResultAt(testContext(t), 9); there || err != nil {
		t.Errorf("what is not there: %v, %v", there, err)
	}
	if state, err := b.Holding(testContext(t), StreamResults); err != nil || state.First != 1 || state.Last != 3 || state.Created.IsZero() {
		t.Errorf("%+v, %v", state, err)
	}
}
