package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/models/bench"
	"github.com/nodulescope/nodulescope/nodule"
)

const benchRun = 12 // slices that are decoded at a time

// seriesBench is what `bench --series ... --json` prints.
type seriesBench struct {
	Slices  int         `json:"slices"`
	Load    [2]float64  `json:"load"` // of the machine, before and after
	Peer    string      `json:"peer,omitempty"`
	MiB     float64     `json:"hu_mib"` // that decoding the series adds
	PeerMiB float64     `json:"peer_hu_mib,omitempty"`
	Rows    []seriesRow `json:"rows"`
}

// seriesRow is one work. Processor time is of all threads, and depends less on
// what else a machine does.
type seriesRow struct {
	Name     string  `json:"name"`
	MS       float64 `json:"ms"` // median
	Least    float64 `json:"least_ms"`
	Most     float64 `json:"most_ms"`
	CPU      float64 `json:"cpu_ms,omitempty"` // mean
	PeerMS   float64 `json:"peer_ms,omitempty"`
	PeerCPU  float64 `json:"peer_cpu_ms,omitempty"`
	Ratio    float64 `json:"ratio,omitempty"`
	RatioCPU float64 `json:"cpu_ratio,omitempty"`
}

// seriesWorks are what is timed on a series.
type seriesWorks struct {
	ctx   context.Context
	dir   string
	at    []nodule.Candidate
	cubes []nodule.CutResult
	err   error
}

func (w *seriesWorks) open() *dicomio.Series {
	s, err := dicomio.OpenSeries(w.ctx, w.dir, "", dicomio.Options{})
	w.err = errors.Join(w.err, err)
	return s
}

// headers opens the series; cut cuts the cubes of the candidates too, decode
// decodes every slice.
func (w *seriesWorks) headers() { w.open() }

func (w *seriesWorks) cut() {
	s := w.open()
	if w.err != nil {
		return
	}
	cutter, err := nodule.NewCutter(s.Geometry, s, nodule.CutOptions{})
	if err == nil {
		w.cubes, err = cutter.CutAll(w.ctx, w.at)
	}
	for _, c := range w.cubes {
		err = errors.Join(err, c.Err)
	}
	w.err = errors.Join(w.err, err)
}

func (w *seriesWorks) decode() {
	s := w.open()
	var b dicomio.Block
	for z := 0; w.err == nil && z < s.Geometry.Slices; z += benchRun {
		w.err = s.HUInto(w.ctx, z, min(benchRun, s.Geometry.Slices-z), &b)
	}
}

// bytes reads the files of the slices that the cubes need, as they are.
func (w *seriesWorks) bytes(s *dicomio.Series) func() {
	need := map[string]bool{}
	for _, c := range w.at {
		for _, corner := range nodule.Corners(c.PositionLPS, 15.5) {
			z := s.Geometry.ToVoxel(c.PositionLPS)[0]
			for end := s.Geometry.ToVoxel(corner)[0]; ; z += math.Copysign(1, end-z) {
				for _, k := range []int{int(math.Floor(z)), int(math.Ceil(z))} {
					if k >= 0 && k < len(s.Slices) {
						need[s.Slices[k].Path] = true
					}
				}
				if math.Abs(end-z) < 1 {
					break
				}
			}
		}
	}
	var buf []byte
	return func() {
		for path := range need {
			f, err := os.Open(path)
			if err != nil {
				w.err = err
				return
			}
			info, err := f.Stat()
			if err == nil && int64(len(buf)) < info.Size() {
				buf = make([]byte, info.Size())
			}
			if err == nil {
				_, err = io.ReadFull(f, buf[:info.Size()])
			}
			w.err = errors.Join(w.err, err, f.Close())
		}
	}
}

// runSeriesBench times the reading of a series.
func runSeriesBench(ctx context.Context, o benchOptions, stdout io.Writer) error {
	if o.accuracy || o.steps || o.whole || !isProcessor(o.device.setting) {
		return usageError(fmt.Errorf("--series %s", o.series), "it takes no --accuracy, --steps, --whole and --device")
	}
	w := &seriesWorks{ctx: ctx, dir: o.series}
	mib, err := bench.PeakMemory(func() error { w.decode(); return w.err }) // first: see there
	if w.err != nil {
		return w.err
	}
	if err != nil {
		mib = 0
	}
	s := w.open()
	if w.err != nil {
		return w.err
	}
	g := s.Geometry
	args := []string{o.series}
	for i := range 3 {
		share := float64(i+1) / 4
		p := g.ToLPS([3]float64{share * float64(g.Slices-1), share * float64(g.Rows-1), share * float64(g.Cols-1)})
		w.at = append(w.at, nodule.Candidate{ID: fmt.Sprint(i + 1), PositionLPS: p})
		args = append(args, fmt.Sprintf("%g,%g,%g", p[0], p[1], p[2]))
	}
	const needs = "Debian's python3-pydicom and python3-scipy"
	before, err := peer(ctx, o, needs, args...)
	if err != nil {
		return err
	}
	r := seriesBench{Slices: g.Slices, Load: [2]float64{bench.Load()}, Peer: before.Peer, MiB: mib, PeerMiB: before.MiB["series to HU"]}
	for _, work := range []struct {
		name string
		run  func()
	}{{"headers", w.headers}, {"cubes", w.cut}, {"cubes, slices needed", w.cut}, {"series to HU", w.decode}, {"bytes of those slices", w.bytes(s)}} {
		t, err := bench.Time(ctx, work.run)
		if err = errors.Join(w.err, err); err != nil {
			return err
		}
		r.Rows = append(r.Rows, seriesRow{Name: work.name, MS: t.Median, Least: t.Least, Most: t.Most, CPU: t.CPU})
	}
	if err := w.sameCubes(before); err != nil {
		return err
	}
	after, err := peer(ctx, o, needs, args...)
	if err != nil {
		return err
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.PeerMS = (before.MS[row.Name] + after.MS[row.Name]) / 2; row.PeerMS > 0 {
			row.Ratio = row.PeerMS / row.MS
		}
		if row.PeerCPU = (before.CPU[row.Name] + after.CPU[row.Name]) / 2; row.PeerCPU > 0 && row.CPU > 0 {
			row.RatioCPU = row.PeerCPU / row.CPU
		}
	}
	r.Load[1] = bench.Load()
	if o.json {
		return printJSON(stdout, r)
	}
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(stdout, format, args...) }
	p("%s, load of the machine %.0f to %.0f\n", counted(r.Slices, "slice"), r.Load[0], r.Load[1])
	if r.Peer != "" {
		p("peer: %s\n", r.Peer)
	}
	p("\n")
	var rows [][]string
	for _, x := range r.Rows {
		row := []string{x.Name, fmt.Sprintf("%.1f", x.MS), fmt.Sprintf("%.1f to %.1f", x.Least, x.Most), fmt.Sprintf("%.1f", x.CPU)}
		if x.PeerMS > 0 {
			row = append(row, fmt.Sprintf("%.1f", x.PeerMS), fmt.Sprintf("%.1fx", x.Ratio), fmt.Sprintf("%.1f", x.PeerCPU), fmt.Sprintf("%.1fx", x.RatioCPU))
		}
		rows = append(rows, row)
	}
	if err := writeRows(stdout, []string{"work", "ms", "least to most", "cpu ms", "peer ms", "ratio", "peer cpu ms", "ratio"}, rows); err != nil {
		return err
	}
	if p("\nmemory that the series to HU adds: %.0f MiB", mib); r.PeerMiB > 0 {
		p(", peer %.0f MiB as a volume, %.0f MiB slice by slice", r.PeerMiB, before.MiB["series to HU, slice by slice"])
	}
	p("\n")
	return nil
}

// sameCubes holds the mean of every cube against the peer's.
func (w *seriesWorks) sameCubes(p peerReport) error {
	for i, want := range p.HU {
		sum := 0.0
		for _, v := range w.cubes[i].Cube.HU {
			sum += float64(v)
		}
		if mean := sum / nodule.CubeVoxels; !(math.Abs(mean-want) < 0.05) {
			return fmt.Errorf("the peer does other work: its cube %d has a mean of %.2f HU, ours %.2f", i+1, want, mean)
		}
	}
	return nil
}
