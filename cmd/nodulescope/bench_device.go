package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/models/bench"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

// deviceBench is what `bench --device ... --json` prints.
type deviceBench struct {
	Device    gpu.Device     `json:"device"`
	Precision string         `json:"precision"`
	ColdMS    float64        `json:"cold_start_ms"` // from the driver's library to the first score of VAE-AD
	MemoryMiB float64        `json:"memory_mib"`    // of all works together
	Peer      string         `json:"peer,omitempty"`
	Rows      []bench.Result `json:"rows"`
	OnCPU     []string       `json:"on_processor,omitempty"` // works that the device did not take
	Others    []*deviceBench `json:"other_precisions,omitempty"`
}

// runDeviceBench times the works on a device, in the precision that was named or
// in each that the card has.
func runDeviceBench(ctx context.Context, o benchOptions, log *slog.Logger, stdout, stderr io.Writer) error {
	if o.accuracy || o.steps || o.kernels != "" {
		return usageError(fmt.Errorf("--device %s", o.device.setting), "it takes no --accuracy, --steps and --kernels")
	}
	start := time.Now()
	if err := o.device.open(log); err != nil {
		return err
	}
	b := o.device.backend
	if b == nil {
		return usageError(fmt.Errorf("--device %s: %s", o.device.setting, o.device.describe()), "see 'nodulescope devices --check'")
	}
	d := b.Device()
	r, err := timeDevice(ctx, o, b, start, stderr)
	if err != nil {
		return err
	}
	for _, p := range otherPrecisions(d, o.device.precision) {
		start := time.Now()
		b, err := gpu.OpenFirst([]gpu.Device{d}, gpu.Options{Log: log, Precision: p})
		if err != nil {
			return err
		}
		other, err := timeDevice(ctx, o, b, start, stderr)
		if err != nil {
			return err
		}
		r.Others = append(r.Others, other)
	}
	if o.json {
		return printJSON(stdout, r)
	}
	var t strings.Builder
	for i, x := range append([]*deviceBench{r}, r.Others...) {
		if i > 0 {
			t.WriteByte('\n')
		}
		x.table(&t)
	}
	_, err = io.WriteString(stdout, t.String())
	return err
}

// otherPrecisions are timed after float32, where none was named: all that a card
// has. A processor that plays tensor cores is not worth timing.
func otherPrecisions(d gpu.Device, named string) []gpu.Precision {
	if named != "" || d.Type == gpu.CPU {
		return nil
	}
	return slices.DeleteFunc(gpu.PrecisionsOf(d), func(p gpu.Precision) bool { return p == gpu.Float32 })
}

// timeDevice times the works on a back end, and closes it.
func timeDevice(ctx context.Context, o benchOptions, b *gpu.Backend, start time.Time, stderr io.Writer) (*deviceBench, error) {
	defer b.Close()
	processor, err := cpu.New(cpu.Options{Threads: o.threads})
	if err != nil {
		return nil, err
	}
	co := compute.Options{Backends: []compute.Backend{b, processor}}
	if err := bench.FirstScore(co); err != nil {
		return nil, err
	}
	r := &deviceBench{Device: b.Device(), Precision: string(b.Precision()), ColdMS: float64(time.Since(start)) / 1e6}
	before, peer, err := runPeer(ctx, o)
	if err != nil {
		return nil, err
	}
	r.Peer = peer
	works, err := bench.DeviceWorks(co)
	if err != nil {
		return nil, err
	}
	r.MemoryMiB = float64(b.Used()) / (1 << 20)
	bar := newProgress(stderr, "timing", len(works))
	defer bar.done()
	for i, w := range works {
		ms, err := bench.Median(ctx, w.Run)
		if err != nil {
			return nil, err
		}
		if err := b.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
		if w.Plan != nil && !w.Plan.OnDevice() {
			r.OnCPU = append(r.OnCPU, w.Name)
		}
		gflop := float64(w.FLOPs) / 1e9
		row := bench.Result{Name: w.Name, MS: ms, GFLOP: gflop, GFLOPS: gflop / ms * 1e3}
		if row.PeerMS = before[w.Name]; row.PeerMS > 0 {
			row.Ratio = row.PeerMS / ms
		}
		r.Rows = append(r.Rows, row)
		if graph := before[w.Name+" graph"]; graph > 0 {
			r.Rows = append(r.Rows, bench.Result{Name: w.Name + ", peer with graphs", MS: ms, GFLOP: gflop, GFLOPS: gflop / ms * 1e3, PeerMS: graph, Ratio: graph / ms})
		}
		bar.set(i+1, w.Name)
	}
	return r, nil
}

func (r *deviceBench) table(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("%s %s, %s, driver %s, %s\n", r.Device.ID(), r.Device.Name, r.Device.Platform, r.Device.Driver, r.Precision)
	p("cold start to the first score: %.0f ms; memory of all works: %.0f MiB\n", r.ColdMS, r.MemoryMiB)
	if r.Peer != "" {
		p("peer: %s\n", r.Peer)
	}
	p("\n")
	var rows [][]string
	for _, x := range r.Rows {
		row := []string{x.Name, fmt.Sprintf("%.3f", x.MS), fmt.Sprintf("%.3f", x.GFLOP), fmt.Sprintf("%.1f", x.GFLOPS)}
		if x.PeerMS > 0 {
			row = append(row, fmt.Sprintf("%.3f", x.PeerMS), fmt.Sprintf("%.1fx", x.Ratio))
		}
		rows = append(rows, row)
	}
	_ = writeRows(w, []string{"work", "ms", "GFLOP", "GFLOP/s", "peer ms", "ratio"}, rows) // as above
	for _, name := range r.OnCPU {
		p("on the processor: %s\n", name)
	}
}

// isProcessor says whether a setting of --device is not about a device.
func isProcessor(setting string) bool { return setting == "" || setting == gpu.CPU }
