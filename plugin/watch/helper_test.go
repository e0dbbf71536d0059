package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/logtest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

const (
	studyUID  = "1.2.826.0.1.3680043.10.9.1"
	seriesUID = "1.2.826.0.1.3680043.10.9.1.2"
)

// clock is set by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is a watcher over a folder, with a bus of its own.
type rig struct {
	t     *testing.T
	opts  Options
	root  string
	clock *clock
	w     *Watcher
	bus   *bus.Bus
	log   *logtest.Buffer
}

func testBus(t *testing.T) *bus.Bus {
	t.Helper()
	server, err := bus.Start(t.Context(), bus.ServerOptions{StoreDir: t.TempDir(), DontListen: true})
	plugintest.Must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	b, err := bus.Connect(t.Context(), bus.Options{Server: server})
	plugintest.Must(t, err)
	t.Cleanup(b.Close)
	plugintest.Must(t, b.EnsureStreams(t.Context()))
	return b
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, root: t.TempDir(), clock: &clock{now: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)}, bus: testBus(t), log: &logtest.Buffer{}}
	r.opts = Options{
		Bus: r.bus, Dir: t.TempDir(), Now: r.clock.Now, Interval: 10 * time.Millisecond, Timeout: time.Minute,
		Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	r.open()
	t.Cleanup(func() { r.w.Close() })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	r.opts.Source = &Folder{Root: r.root, Quiet: 10 * time.Second}
	w, err := New(r.opts)
	plugintest.Must(r.t, err)
	r.w = w
}

// restart closes the watcher and opens it anew.
func (r *rig) restart() {
	r.t.Helper()
	plugintest.Must(r.t, r.w.Close())
	r.open()
}

// settle looks as often as it takes for what is there to become quiet.
func (r *rig) settle() {
	r.t.Helper()
	for range 3 {
		plugintest.Must(r.t, r.w.Look(r.t.Context()))
		r.clock.add(11 * time.Second)
	}
	plugintest.Must(r.t, r.w.Look(r.t.Context()))
}

func (r *rig) look() { r.t.Helper(); plugintest.Must(r.t, r.w.Look(r.t.Context())) }

// jobs are those on the bus.
func (r *rig) jobs(want int) []bus.WaitingJob {
	r.t.Helper()
	jobs, err := r.bus.WaitingJobs(r.t.Context(), "local", 100)
	plugintest.Must(r.t, err)
	if len(jobs) != want {
		r.t.Fatalf("%d jobs, want %d\n%s", len(jobs), want, r.log)
	}
	return jobs
}

// waiting is the list, which must have so many lines.
func (r *rig) waiting(want int) []Waiting {
	r.t.Helper()
	list, err := ReadList(r.opts.Dir)
	plugintest.Must(r.t, err)
	if len(list) != want {
		r.t.Fatalf("%d lines, want %d: %+v", len(list), want, list)
	}
	return list
}

func (r *rig) write(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.root, name)
	plugintest.Must(r.t, os.MkdirAll(filepath.Dir(path), 0o700))
	plugintest.Must(r.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func ctSpec() dicomtest.Spec {
	return dicomtest.Spec{Slices: 24, Rows: 40, Cols: 40, Spacing: [3]float64{2, 1, 1}, Origin: [3]float64{-20, -20, -24}}
}

// slices writes some images of a series.
func (r *rig) slices(dir string, spec dicomtest.Spec, from, to int) {
	r.t.Helper()
	for z := from; z < to; z++ {
		file, err := dicomtest.Encode(spec, z)
		plugintest.Must(r.t, err)
		r.write(filepath.Join(dir, fmt.Sprintf("%03d.dcm", z)), string(file))
	}
}

func rowsOf(rows ...string) string {
	text := "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
	for _, row := range rows {
		text += row + "\n"
	}
	return text
}

// report is one of another maker that marks places in a series.
func report(t testing.TB, s *dicomio.Series, places ...dicomio.Vec) []byte {
	t.Helper()
	h, err := sr.HeaderOf(context.Background(), s)
	plugintest.Must(t, err)
	r := sr.Report{Identity: fmt.Sprint(places), Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: h}
	for i, p := range places {
		at, ok := s.OnImage(p)
		if !ok {
			t.Fatal(errors.New("a place is on no image"))
		}
		r.Nodules = append(r.Nodules, sr.Nodule{ID: fmt.Sprintf("cad-%d", i+1), PositionLPS: p, DiameterMM: 8, Image: at})
	}
	var b bytes.Buffer
	plugintest.Must(t, r.Encode(&b))
	return bytes.ReplaceAll(b.Bytes(), []byte("99NDSCOPE"), []byte("99OTHERS ")) // not ours
}
