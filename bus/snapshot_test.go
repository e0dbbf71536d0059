package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
)

// A copy of a stream has its messages under their numbers, and its consumers.
func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	for _, id := range []string{"1", "2", "3"} {
		submit(t, b, "site", id, sampleJob(1))
	}
	if err := next(t, openQueue(t, b, "site")).Done(testContext(t)); err != nil {
		t.Fatal(err)
	}
	before, err := b.Holding(testContext(t), StreamJobs)
	if err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	s, err := b.Snapshot(testContext(t), StreamJobs, &copied)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Messages(); n != 2 || err != nil {
		t.Error(n, err)
	}
	_, err = b.Snapshot(testContext(t), "NONE", &copied)
	wantCode(t, err, CodeStream)

	other := connect(t, Options{Server: startServer(t, ServerOptions{StoreDir: t.TempDir(), DontListen: true})})
	if err := other.RestoreSnapshot(testContext(t), s, bytes.NewReader(copied.Bytes())); err != nil {
		t.Fatal(err)
	}
	err = other.RestoreSnapshot(testContext(t), s, bytes.NewReader(copied.Bytes())) // it is there
	if wantCode(t, err, CodeStream); errors.Is(err, ErrSnapshotRefused) {
		t.Errorf("the copy is blamed: %v", err)
	}
	if err := other.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	after, err := other.Holding(testContext(t), StreamJobs)
	if err != nil || after.First != before.First || after.Last != before.Last || after.Messages != 2 {
		t.Errorf("%+v, not %+v: %v", after, before, err)
	}
	if env, _, err := DecodeJob(next(t, openQueue(t, other, "site")).Data); err != nil || env.ID != "2" {
		t.Error(env.ID, err)
	}
}

// A copy that is cut, and one that is no copy, are told from a broker that does not
// answer.
func TestRefusedSnapshots(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	for i := range 20 {
		submit(t, b, "site", fmt.Sprint(i), sampleJob(1))
	}
	var copied bytes.Buffer
	s, err := b.Snapshot(testContext(t), StreamJobs, &copied)
	if err != nil {
		t.Fatal(err)
	}
	other := connect(t, Options{Server: startServer(t, ServerOptions{StoreDir: t.TempDir(), DontListen: true, SyncLater: true})})
	for name, text := range map[string][]byte{"cut": copied.Bytes()[:copied.Len()/2], "none": []byte("no stream")} {
		err := other.RestoreSnapshot(testContext(t), s, bytes.NewReader(text))
		if wantCode(t, err, CodeStream); !errors.Is(err, ErrSnapshotRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(testContext(t))
	silent := io.MultiReader(bytes.NewReader(copied.Bytes()[:100]), readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF }))
	err = other.RestoreSnapshot(ctx, s, silent)
	if wantCode(t, err, CodeStream); errors.Is(err, ErrSnapshotRefused) {
		t.Errorf("the copy is blamed: %v", err)
	}
	for text, damage := range map[string]bool{
		"restore failed: unexpected EOF": true, "restore failed: write 1.blk: no space left on device": false, "restore for stream '$G > JOBS' is stalled": false,
	} {
		if got := (&refusal{Code: 500, ErrCode: restoreFailed, Description: text}).damage(); got != damage {
			t.Errorf("%q: %v", text, got)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
