package bus

import (
	"bytes"
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
	wantCode(t, other.RestoreSnapshot(testContext(t), s, bytes.NewReader(copied.Bytes())), CodeStream) // it is there
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
