package bus

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// The lines of the server's log say which streams it opens.
func TestOpeningIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
	if err := connect(t, Options{Server: s}).EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	sl := newServerLog(testLogger(t))
	ns, err := natsserver.NewServer(&natsserver.Options{DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.SetLoggerV2(noted{sl, func() {
		at, _ := sl.opening.at()
		mu.Lock()
		defer mu.Unlock()
		for _, one := range at { // several are opened at a time
			if one.Account == "$G" {
				seen = append(seen, one.Name)
			}
		}
	}}, false, false, false)
	ns.Start()
	defer ns.Shutdown()
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("not ready")
	}
	for _, stream := range Streams() {
		if !slices.Contains(seen, stream) {
			t.Errorf("%s was not seen among %v", stream, seen)
		}
	}
	if len(sl.opening.begun) > 0 {
		t.Errorf("%v are not open", sl.opening.begun)
	}
}

// noted calls then after every notice.
type noted struct {
	*serverLog
	then func()
}

func (n noted) Noticef(format string, v ...any) {
	n.serverLog.Noticef(format, v...)
	n.then()
}

// hanging is a server that never gets ready: it was not even started.
func hanging(t *testing.T, storeDir string) (*Server, *serverLog) {
	t.Helper()
	no := &natsserver.Options{DontListen: true, StoreDir: storeDir, NoSigs: true}
	ns, err := natsserver.NewServer(no)
	if err != nil {
		t.Fatal(err)
	}
	sl := newServerLog(testLogger(t))
	return &Server{log: testLogger(t), options: no, ns: ns, started: make(chan struct{})}, sl
}

// A server that does not open its store is given up; the next start puts the
// stream that it was at aside and keeps the others.
func TestServerThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
	b := connect(t, Options{Server: s})
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	submit(t, b, "site", "1", sampleJob(1))
	if _, err := b.PublishResult(testContext(t), "site", "/p", sampleResult("r1")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Fatal(err)
	}

	stuck, sl := hanging(t, dir)
	sl.Noticef("  Starting restore for stream '%s > %s'", "$G", StreamJobs)
	sl.Noticef("  Restored %s messages for stream '%s > %s' in %v", "1", "$G", StreamJobs, time.Second)
	sl.Noticef("  Starting restore for stream '%s > %s'", "$G", StreamResults)
	err := stuck.awaitReady(testContext(t), "start", sl, 0)
	wantCode(t, err, CodeStoreDamaged)
	if text := err.Error(); !strings.Contains(text, StreamResults) || strings.Contains(text, StreamJobs) || !strings.Contains(text, unopenedFile) {
		t.Error(text)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, stuck.end(ended), CodeServer) // it does not hold the caller

	s = startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
	b = connect(t, Options{Server: s})
	if _, err := b.Holding(testContext(t), StreamResults); CodeOf(err) != CodeStream {
		t.Errorf("the stream is still there: %v", err)
	}
	if h, err := b.Holding(testContext(t), StreamJobs); err != nil || h.Messages != 1 {
		t.Error(h, err)
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "damaged-*", "$G", StreamResults, "msgs", "*.blk")); len(aside) != 1 {
		t.Error("the files were not put aside")
	}
	if _, err := os.Stat(filepath.Join(dir, unopenedFile)); err == nil {
		t.Error("the note is still there")
	}
}

// A server that hangs at no stream is told of, and nothing is put aside.
func TestServerThatDoesNotEvenBegin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stuck, sl := hanging(t, dir)
	wantCode(t, stuck.awaitReady(testContext(t), "start", sl, 0), CodeStoreDamaged)
	if _, err := os.Stat(filepath.Join(dir, unopenedFile)); err == nil {
		t.Error("a note was left")
	}
}

// As long as the server goes on, it is waited for; once its memory is too much,
// it is not.
func TestServerThatGoesOn(t *testing.T) {
	t.Parallel()
	o := newOpening()
	o.said("  Starting restore for stream '$G > RESULTS'")
	if err := o.stuck("start", t.TempDir(), time.Hour, heapBytes()); err != nil {
		t.Error(err)
	}
	var none uint64
	wantCode(t, o.stuck("start", t.TempDir(), time.Hour, none-maxOpenMemory), CodeStoreDamaged)
}

func TestNoteThatNamesNoStream(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", `{"streams":[{"account":"..","name":"RESULTS"}]}`, `{"streams":[{"account":"$G","name":"../../x"}]}`} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, unopenedFile), text)
		_, err := Start(testContext(t), ServerOptions{StoreDir: dir, DontListen: true})
		wantCode(t, err, CodeServer)
	}
}

func TestOpenLimitGrowsWithTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := openLimit(dir); got != openWait {
		t.Error(got)
	}
	f, err := os.Create(filepath.Join(dir, "large"))
	if err == nil {
		err = f.Truncate(1 << 29)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := openLimit(dir); got != openWait*3/2 {
		t.Error(got)
	}
}
