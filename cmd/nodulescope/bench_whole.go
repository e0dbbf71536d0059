package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nodulescope/nodulescope/models/bench"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
)

// runWhole times whole pieces of work, and then the peer's.
func runWhole(ctx context.Context, o benchOptions, processor *cpu.Backend, stdout, stderr io.Writer) error {
	if o.steps {
		return usageError(errors.New("--whole with --steps"), "give one of them")
	}
	bar := newProgress(stderr, "timing", 1000)
	rows, err := bench.Whole(ctx, bench.PaperWork, compute.Options{Backends: []compute.Backend{processor}}, func(done, all int, what string) { bar.set(done*1000/all, what) })
	bar.done()
	if err != nil {
		return err
	}
	if o.peer != "" {
		_, _ = fmt.Fprintln(stderr, "the peer is timed: this takes minutes")
	}
	ms, name, err := runPeer(ctx, o)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].PeerMS = ms[rows[i].Name]; rows[i].PeerMS > 0 {
			rows[i].Ratio = rows[i].PeerMS / rows[i].MS
		}
	}
	if o.json {
		return printJSON(stdout, benchReport{Kernels: processor.Machine().Name, Threads: o.threads, Peer: name, Rows: rows})
	}
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(stdout, format, args...) }
	p("kernels %s, %s\n", processor.Machine().Name, counted(o.threads, "worker"))
	if name != "" {
		p("peer: %s\n", name)
	}
	p("\n%-24s %10s %10s %7s\n", "work", "s", "peer s", "ratio")
	for _, x := range rows {
		p("%-24s %10.1f", x.Name, x.MS/1e3)
		if x.PeerMS > 0 {
			p(" %10.1f %6.1fx", x.PeerMS/1e3, x.Ratio)
		}
		p("\n")
	}
	return nil
}
