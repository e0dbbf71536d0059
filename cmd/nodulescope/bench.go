package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/models/bench"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

type benchOptions struct {
	threads  int
	kernels  string
	peer     string   // the first of peers
	peers    []string // scripts
	steps    bool
	accuracy bool
	whole    bool
	seeds    int
	json     bool
	device   deviceFlag
	python   string
	series   string
}

const benchHelp = `Time the reference networks on this machine.

Each row is a piece of work as a detector does it, with the median time, the
FLOPs that it needs and the share of the peak rate of fused multiply-adds that
this machine reached in the same run. With --peer, a script that times the same
work in PyTorch runs before and after, and the row ends with how many times longer
PyTorch took. --peer may be given more than once: docs/peer/onnx_bench.mjs, which
node runs, times ONNX Runtime on what 'nodulescope export' writes.
docs/performance.md says what was measured.

With --whole, a latent search of 100 steps and a training run of 100 epochs are timed
from start to finish, which takes minutes, and much longer with a peer.

With --accuracy, outputs and gradients are compared instead: ours on every
kernel set, and the peer's in float32, with the peer's in float64, from the same
weights and inputs.

With --series DIR, the reading of a CT series is timed: headers, three cubes of 32 mm,
and all pixels; with --peer docs/peer/pydicom_series.py the same with pydicom, NumPy
and SciPy. See docs/dicom.md.

With --device gpu, or one of 'nodulescope devices', a card is timed, from the
host's memory and back, with what the detectors do in addition to the above; with
--peer docs/peer/torch_device.py PyTorch on the same card. See docs/gpu.md.`

func newBenchCommand(g *globals) *cobra.Command {
	var o benchOptions
	cmd := newCommand("bench", "Time the reference networks on this machine", benchHelp,
		"  nodulescope bench --peer docs/peer/torch_bench.py\n  nodulescope bench --accuracy --peer docs/peer/torch_accuracy.py",
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			if err := o.choosePeer(); err != nil {
				return err
			}
			if o.series != "" {
				return runSeriesBench(cmd.Context(), o, cmd.OutOrStdout())
			}
			if !isProcessor(o.device.setting) {
				return runDeviceBench(cmd.Context(), o, g.log, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return runBench(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.IntVar(&o.threads, "threads", runtime.NumCPU(), "workers")
	f.StringVar(&o.kernels, "kernels", "", "`SET` of kernels that this machine runs (of avx512, avx2, neon, go; default: the fastest)")
	f.StringArrayVar(&o.peers, "peer", nil, "`SCRIPT` that times the same work, such as docs/peer/torch_bench.py; more than once for more than one peer")
	f.BoolVar(&o.steps, "steps", false, "also time every step of the compiled plans")
	f.BoolVar(&o.accuracy, "accuracy", false, "compare outputs and gradients with --peer docs/peer/torch_accuracy.py; times nothing")
	f.BoolVar(&o.whole, "whole", false, "time a whole search and a whole training run; the --peer is docs/peer/torch_whole.py")
	f.StringVar(&o.series, "series", "", "time the reading of the one CT series of the folder `DIR`; the --peer is docs/peer/pydicom_series.py")
	f.IntVar(&o.seeds, "seeds", 3, "draws of weights and inputs with --accuracy, 1 to 100")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.StringVar(&o.python, "python", bench.Python, "`PROGRAM` that runs the peer's script")
	f.StringVar(&o.device.setting, "device", gpu.CPU, "`DEVICE` to time: cpu, gpu, or one of 'nodulescope devices' such as cuda:0")
	f.StringVar(&o.device.precision, "precision", "", "`HOW` a card multiplies: float32, tf32, tf32x3 or bf16 (default: each that it has)")
	return cmd
}

// benchReport is what `bench --json` prints.
type benchReport struct {
	Kernels string  `json:"kernels"`
	Threads int     `json:"threads"`
	Peak    float64 `json:"peak_gflop_s"`
	Peer    string  `json:"peer,omitempty"`
	// Memory that a latent search of 16 patches adds to the process, in MiB; 0:
	// not known on this system.
	SearchMiB     float64        `json:"search_mib,omitempty"`
	PeerSearchMiB float64        `json:"peer_search_mib,omitempty"`
	Rows          []bench.Result `json:"rows"`
	Others        []otherPeer    `json:"other_peers,omitempty"` // behind the first
}

func runBench(ctx context.Context, o benchOptions, stdout, stderr io.Writer) error {
	if o.threads < 1 || o.threads > 256 {
		return usageError(fmt.Errorf("--threads %d", o.threads), "give 1 to 256")
	}
	if o.kernels != "" && !slices.Contains(cpu.Names(), o.kernels) {
		return usageError(fmt.Errorf("this machine does not run the kernels %q", o.kernels), "choose one of "+strings.Join(cpu.Names(), ", "))
	}
	if o.accuracy {
		return runAccuracy(ctx, o, stdout)
	}
	processor, err := cpu.New(cpu.Options{Threads: o.threads, Kernels: o.kernels})
	if err != nil {
		return err
	}
	if o.whole {
		return runWhole(ctx, o, processor, stdout, stderr)
	}
	co := compute.Options{Backends: []compute.Backend{processor}}
	memory, err := bench.SearchMemory(co) // first: see there
	if err != nil {
		memory = 0
	}
	works, err := bench.Works(co)
	if err != nil {
		return err
	}
	before, peer, err := runPeer(ctx, o)
	if err != nil {
		return err
	}
	others, err := o.others(ctx)
	if err != nil {
		return err
	}
	r := benchReport{Kernels: processor.Machine().Name, Threads: o.threads, Peak: processor.Peak(), Peer: peer,
		SearchMiB: memory, PeerSearchMiB: before[peerMemory]}
	bar := newProgress(stderr, "timing", len(works))
	for i, w := range works {
		ms, err := bench.Median(ctx, w.Run)
		if err != nil {
			bar.done()
			return err
		}
		gflop := float64(w.FLOPs) / 1e9
		r.Rows = append(r.Rows, bench.Result{Name: w.Name, MS: ms, GFLOP: gflop, GFLOPS: gflop / ms * 1e3, PeakPart: gflop / ms * 1e3 / r.Peak})
		bar.set(i+1, w.Name)
	}
	bar.done()
	after, _, err := runPeer(ctx, o)
	if err != nil {
		return err
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.PeerMS = (before[row.Name] + after[row.Name]) / 2; row.PeerMS > 0 {
			row.Ratio = row.PeerMS / row.MS
		}
	}
	again, err := o.others(ctx)
	if err != nil {
		return err
	}
	r.Others = against(r.Rows, others, again)
	if o.json {
		return printJSON(stdout, r)
	}
	var b strings.Builder
	r.table(&b)
	if o.steps {
		for _, w := range works {
			_, _ = fmt.Fprintf(&b, "\n%s\n", w.Name)
			if err := compute.WriteTable(&b, w.Plan.Profile(5), r.Peak); err != nil {
				return err
			}
		}
	}
	_, err = io.WriteString(stdout, b.String())
	return err
}

// runAccuracy compares outputs and gradients: on one kernel set if it was
// named, on all otherwise.
func runAccuracy(ctx context.Context, o benchOptions, stdout io.Writer) error {
	if o.peer == "" || o.steps {
		return usageError(errors.New("--accuracy"), "it needs --peer docs/peer/torch_accuracy.py, and takes no --steps")
	}
	if o.seeds < 1 || o.seeds > 100 {
		return usageError(fmt.Errorf("--seeds %d", o.seeds), "give 1 to 100")
	}
	ao := bench.AccuracyOptions{Threads: o.threads, Seeds: o.seeds}
	if o.kernels != "" {
		ao.Kernels = []string{o.kernels}
	}
	r, err := bench.Accuracy(ctx, o.peer, ao)
	if errors.Is(err, bench.ErrPeer) {
		return usageError(err, "install Debian's python3-torch and name docs/peer/torch_accuracy.py")
	}
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, r)
	}
	return r.WriteTable(stdout)
}

func (r *benchReport) table(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("kernels %s, %s, peak %.0f GFLOP/s (fused multiply-adds, this run)\n", r.Kernels, counted(r.Threads, "worker"), r.Peak)
	if r.Peer != "" {
		p("peer: %s\n", r.Peer)
	}
	p("\n")
	var rows [][]string
	for _, x := range r.Rows {
		row := []string{x.Name, fmt.Sprintf("%.2f", x.MS), fmt.Sprintf("%.3f", x.GFLOP), fmt.Sprintf("%.1f", x.GFLOPS), fmt.Sprintf("%.0f%%", 100*x.PeakPart)}
		if x.PeerMS > 0 {
			row = append(row, fmt.Sprintf("%.2f", x.PeerMS), fmt.Sprintf("%.1fx", x.Ratio))
		}
		rows = append(rows, row)
	}
	_ = writeRows(w, []string{"work", "ms", "GFLOP", "GFLOP/s", "of peak", "peer ms", "ratio"}, rows) // as above
	for _, o := range r.Others {
		o.table(w)
	}
	if r.SearchMiB > 0 {
		p("\nmemory that a latent search of 16 patches adds: %.0f MiB", r.SearchMiB)
		if r.PeerSearchMiB > 0 {
			p(", peer %.0f MiB", r.PeerSearchMiB)
		}
		p("\n")
	}
}
