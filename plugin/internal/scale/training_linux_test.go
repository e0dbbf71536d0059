package scale

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/logtest"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

var (
	turns    = flag.Int("scale-turns", 8, "`NUMBER` of turns beside a training, and without it, of two jobs each")
	trainOn  = flag.String("scale-data", "", "`FILE` of the data set that is trained on (default: one of 40 phantoms is made)")
	priority = flag.String("scale-priority", "idle", "`PRIORITY` of the training; idle ones wait for ever on a machine that never is")
)

// BenchmarkBesideTraining is how long a job of six nodules takes with all detectors while
// a network is trained on the same machine, and while that training is stopped, in turn.
func BenchmarkBesideTraining(b *testing.B) {
	needBinary(b)
	data := *trainOn
	if data == "" {
		dir := b.TempDir()
		data = filepath.Join(dir, "site.npz")
		if out, err := newArchive(b, 40, 40, 128).build(b, dir).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	p, err := phantom.Generate(phantom.Spec{Seed: 99, Slices: 60, Rows: 128, SpacingMM: [3]float64{2.5, 2.8, 2.8}})
	checktest.Must(b, err)
	scan := filepath.Join(b.TempDir(), "ct")
	checktest.Must(b, p.WriteDICOM(b.Context(), scan, nil))
	server := broker(b, b.TempDir(), true)
	defer func() { server.Shutdown(); server.WaitForShutdown() }()
	s := serve(b, *binary, b.TempDir(), nil, "--nats-url", server.ClientURL(), "--arrival-quiet", "0s")
	defer s.stop()
	c := connect(b, bus.Options{URL: server.ClientURL()})
	defer c.Close()
	sent := 0
	job := func() float64 {
		job := bus.Job{SeriesUID: p.SeriesUID(), URI: "file://" + scan}
		for i, n := range p.Nodules() {
			job.Nodules = append(job.Nodules, bus.JobNodule{ID: fmt.Sprint(sent, "-", i), PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM})
		}
		begin := time.Now()
		_, err := c.SubmitJob(b.Context(), "local", fmt.Sprint("/scale/", sent), strconv.Itoa(sent), job)
		checktest.Must(b, err)
		for sent++; s.done() < float64(sent); time.Sleep(2 * time.Millisecond) {
			if time.Since(begin) > 5*time.Minute {
				b.Fatal("a job is not answered")
			}
		}
		return time.Since(begin).Seconds() * 1e3
	}
	for b.Loop() {
		for _, name := range []string{"vae-ad", "gan-ad"} {
			t := train(b, data, name)
			var took [2][]float64
			used, begin := 0.0, time.Duration(0)
			job()
			for turn := range 2 * *turns {
				beside := turn % 2
				t.signal([2]syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT}[beside])
				was, start := t.seconds(), time.Now()
				took[beside] = append(took[beside], job(), job())
				if beside == 1 {
					used, begin = used+t.seconds()-was, begin+time.Since(start)
				}
			}
			t.stop()
			for i := range took {
				slices.Sort(took[i])
			}
			n := len(took[0])
			b.Logf("%s: a job takes %.0f ms beside its training and %.0f without (medians of %d and %d): %.2f times as long; means %.0f and %.0f; the training, %s, had %.0f %% of a processor meanwhile; load %s",
				name, took[1][n/2], took[0][n/2], n, n, took[1][n/2]/took[0][n/2], mean(took[1]), mean(took[0]), *priority, 100*used/begin.Seconds(), load())
		}
	}
}

func mean(all []float64) (m float64) {
	for _, one := range all {
		m += one / float64(len(all))
	}
	return m
}

// training is a retraining of one detector that goes on until it is stopped.
type training struct {
	b   *testing.B
	cmd *exec.Cmd
}

func train(b *testing.B, data, detector string) *training {
	b.Helper()
	dir := b.TempDir()
	ctx, stop := context.WithCancel(b.Context())
	b.Cleanup(stop)
	weights := filepath.Join("..", "..", "..", "detector", "weights", detector+".safetensors")
	t := &training{b: b, cmd: exec.CommandContext(ctx, *binary, "retrain", data, "--model", weights, "--epochs", "100000", "--gan-steps", "100000", "--priority", *priority, //nolint:gosec // what is measured
		"--dir", filepath.Join(dir, "state"), "--out", filepath.Join(dir, "out"))}
	log := &logtest.Buffer{}
	t.cmd.Stderr = log
	checktest.Must(b, t.cmd.Start())
	for begin := time.Now(); !strings.Contains(log.String(), "training 1"); time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > 20*time.Minute {
			t.stop()
			b.Fatalf("nothing is trained:\n%s", log.String())
		}
	}
	return t
}

func (t *training) signal(s syscall.Signal) {
	t.b.Helper()
	checktest.Must(t.b, t.cmd.Process.Signal(s))
}

func (t *training) stop() {
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait() // killed
}

// seconds of processor time that it has had; NaN: not known.
func (t *training) seconds() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if err != nil || len(fields) < 13 {
		return math.NaN()
	}
	user, err := strconv.ParseFloat(fields[11], 64)
	checktest.Must(t.b, err)
	system, err := strconv.ParseFloat(fields[12], 64)
	checktest.Must(t.b, err)
	return (user + system) / 100
}
