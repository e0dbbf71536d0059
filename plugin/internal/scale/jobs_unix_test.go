//go:build unix

package scale

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// BenchmarkJobs is how many jobs a second go through bus, ledger and audit trail, of this
// build and of another one in turn.
func BenchmarkJobs(b *testing.B) {
	needBinary(b)
	f := newFixture(b)
	for b.Loop() {
		rates := map[string][]float64{}
		for range *rounds {
			for _, file := range []string{*former, *binary} {
				if file == "" {
					continue
				}
				dir := b.TempDir()
				f.fill(b, file, dir, *jobs, nil)
				s := serve(b, file, dir, nil)
				rates[file] = append(rates[file], s.until(*jobs))
				s.stop()
			}
		}
		b.Logf("jobs a second, %d jobs, %d at once: %.0f; former build %.0f; load %s", *jobs, *workers, rates[*binary], rates[*former], load())
	}
}

// BenchmarkPoison is what one message in a hundred that is no job does to the others.
func BenchmarkPoison(b *testing.B) {
	needBinary(b)
	f := newFixture(b)
	for b.Loop() {
		for range *rounds {
			var rates [2]float64
			for kind := range rates {
				dir := b.TempDir()
				f.fill(b, *binary, dir, *jobs, func(i int) bool { return kind == 1 && i%100 == 50 })
				s := serve(b, *binary, dir, nil)
				rates[kind] = s.until(*jobs)
				if dead := s.metric(`nodulescope_dead_total{code="not_json"}`); dead != float64(kind*(*jobs/100)) || s.metric("nodulescope_dead_total") != dead {
					b.Errorf("%v were put aside as what they are", dead)
				}
				s.stop()
			}
			b.Logf("jobs a second: %.1f, with poison %.1f; load %s", rates[0], rates[1], load())
		}
	}
}

// BenchmarkWorkers is what a second process adds, each with one thread and a real
// detector, at an external broker.
func BenchmarkWorkers(b *testing.B) {
	needBinary(b)
	dir := filepath.Join(b.TempDir(), "ct")
	checktest.Must(b, dicomtest.WriteSeries(dir, dicomtest.Spec{
		SeriesUID: uid(0),
		Slices:    48, Rows: 48, Cols: 48, Spacing: [3]float64{1, 1, 1}, Origin: [3]float64{-23.5, -23.5, -23.5},
		Stored: func(z, y, x int) int { return -850 + (z*7+y*5+x*3)%20 },
	}))
	for b.Loop() {
		for range *rounds {
			for _, n := range []int{1, 2, 4} {
				wall, work := measureWorkers(b, dir, n)
				b.Logf("%d processes: %.2f jobs a second, %.0f ms of processor time a job; load %s", n, wall, work*1000, load())
			}
		}
	}
}

// measureWorkers tells how many jobs a second were done, and the processor time of each in
// seconds.
func measureWorkers(b *testing.B, series string, n int) (rate, each float64) {
	b.Helper()
	server := broker(b, b.TempDir(), true)
	defer func() { server.Shutdown(); server.WaitForShutdown() }()
	var processes []*service
	for range n {
		processes = append(processes, serve(b, *binary, b.TempDir(), nil,
			"--threads", "1", "--nats-url", server.ClientURL(), "--detectors", "vae-ad", "--outline", "off", "--rungs", "off", "--arrival-quiet", "0s"))
	}
	c := connect(b, bus.Options{URL: server.ClientURL()})
	defer c.Close()
	total := func(metric string) (sum float64) {
		for _, s := range processes {
			sum += s.metric(metric)
		}
		return sum
	}
	used, begin := total("process_cpu_seconds_total"), time.Now()
	for i := range *jobs {
		var nodules []bus.JobNodule
		for k := range 20 {
			nodules = append(nodules, bus.JobNodule{ID: fmt.Sprint(i, "-", k), PositionLPS: [3]float64{float64(k%5) - 2, float64(k/5) - 2, 0}, DiameterMM: 8})
		}
		_, err := c.SubmitJob(b.Context(), "local", fmt.Sprint("/scale/", i), fmt.Sprint(i), bus.Job{SeriesUID: uid(0), URI: "file://" + series, Nodules: nodules})
		checktest.Must(b, err)
	}
	for total(`nodulescope_deliveries_total{outcome="scored"}`) < float64(*jobs) {
		time.Sleep(20 * time.Millisecond)
	}
	rate, each = float64(*jobs)/time.Since(begin).Seconds(), (total("process_cpu_seconds_total")-used)/float64(*jobs)
	for _, s := range processes {
		s.stop()
	}
	return rate, each
}
