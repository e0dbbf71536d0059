package bus

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Who follows results goes on in a stream that was made anew, although its
// numbers begin again, and jobs are taken from a queue that was.
func TestStreamMadeAnew(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	for _, id := range []string{"a", "b", "c"} {
		publishResult(t, b, "site", id)
	}
	q := openQueue(t, b, "site")
	var seen []string
	got, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- b.FollowResults(testContext(t), "site", FollowOptions{FromStart: true}, func(_ Envelope, r Result) error {
			got <- r.Identity
			if r.Identity == "e" {
				return ErrStop
			}
			return nil
		})
	}()
	for range 3 {
		seen = append(seen, <-got)
	}
	for _, name := range Streams() {
		if err := b.js.DeleteStream(testContext(t), name); err != nil {
			t.Fatal(err)
		}
	}
	if CodeOf(b.Health(testContext(t))) != CodeStream {
		t.Error("it is healthy without streams")
	}
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	publishResult(t, b, "site", "d")
	publishResult(t, b, "site", "e")
	for range 2 {
		select {
		case id := <-got:
			seen = append(seen, id)
		case <-time.After(time.Minute):
			t.Fatal("nothing comes of the new stream")
		}
	}
	if d := cmp.Diff([]string{"a", "b", "c", "d", "e"}, seen); d != "" {
		t.Error(d)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	submit(t, b, "site", "1", sampleJob(1))
	if err := next(t, q).Done(testContext(t)); err != nil {
		t.Error(err)
	}
}

func TestHoldingGone(t *testing.T) {
	was := Holding{First: 3, Last: 9, Messages: 5, Deleted: []uint64{5, 7}}
	for name, tt := range map[string]struct {
		now  Holding
		want []uint64
	}{
		"nothing":         {was, nil},
		"one in between":  {Holding{First: 3, Last: 9, Messages: 4, Deleted: []uint64{4, 5, 7}}, []uint64{4}},
		"the end":         {Holding{First: 3, Last: 6, Messages: 3, Deleted: []uint64{5}}, []uint64{8, 9}},
		"what came since": {Holding{First: 3, Last: 12, Messages: 7, Deleted: []uint64{5, 7, 11}}, []uint64{11}},
		"the beginning":   {Holding{First: 6, Last: 9, Messages: 3, Deleted: []uint64{7}}, []uint64{3, 4}},
		"by a limit":      {Holding{First: 6, Last: 9, Messages: 3, Deleted: []uint64{7}, Drops: true}, nil},
		"all":             {Holding{}, []uint64{3, 4, 6, 8, 9}},
		"damaged numbers": {Holding{First: 1 << 60, Last: 1<<60 - 1}, []uint64{3, 4, 6, 8, 9}},
		"largest numbers": {Holding{First: math.MaxUint64, Last: math.MaxUint64, Messages: 1}, []uint64{3, 4, 6, 8, 9}},
		"not known":       {Holding{First: 1, Last: 1 << 60, Sparse: true}, nil},
	} {
		if d := cmp.Diff(tt.want, was.Gone(tt.now)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	damaged := Holding{First: 1, Last: math.MaxUint64, Messages: math.MaxUint64}
	if gone := damaged.Gone(Holding{}); len(gone) != maxDeleted {
		t.Errorf("of a damaged number %d are gone", len(gone))
	}
}
