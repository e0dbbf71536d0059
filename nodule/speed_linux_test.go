package nodule_test

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
)

// BenchmarkCubes opens the series of NODULESCOPE_SERIES and cuts three cubes
// from it, at a quarter, a half and three quarters along every axis; and reads the
// files of as many slices as they need. It tells the time on all processors.
func BenchmarkCubes(b *testing.B) {
	dir := os.Getenv("NODULESCOPE_SERIES")
	if dir == "" {
		b.Skip("NODULESCOPE_SERIES names no folder of a series")
	}
	open := func(b *testing.B) *dicomio.Series {
		s, err := dicomio.OpenSeries(b.Context(), dir, "", dicomio.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	g := open(b).Geometry
	var at []nodule.Candidate
	for _, share := range []float64{0.25, 0.5, 0.75} {
		voxel := [3]float64{share * float64(g.Slices-1), share * float64(g.Rows-1), share * float64(g.Cols-1)}
		at = append(at, nodule.Candidate{ID: "n", PositionLPS: g.ToLPS(voxel)})
	}
	cubes := func(b *testing.B) {
		s := open(b)
		cutter, err := nodule.NewCutter(s.Geometry, s, nodule.CutOptions{})
		if err == nil {
			_, err = cutter.CutAll(b.Context(), at)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	slices := min(3*(int(nodule.CubeSize/g.SpacingMM[0])+2), g.Slices)
	list, buf := open(b).Slices[:slices], make([]byte, 8<<20)
	files := func(b *testing.B) {
		for _, sl := range list {
			f, err := os.Open(sl.Path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err = io.ReadFull(f, buf); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
			f.Close()
		}
	}
	for _, work := range []struct {
		name string
		run  func(*testing.B)
	}{{"open", func(b *testing.B) { open(b) }}, {"open_and_cubes", cubes}, {"files", files}} {
		b.Run(work.name, func(b *testing.B) {
			start := processorMS(b)
			for b.Loop() {
				work.run(b)
			}
			b.ReportMetric((processorMS(b)-start)/float64(b.N), "processor-ms/op")
		})
	}
}

// processorMS is how long this process has run, on all cores together.
func processorMS(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec)*1e3 + float64(u.Utime.Usec+u.Stime.Usec)/1e3
}
