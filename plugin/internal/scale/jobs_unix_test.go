//go:build unix

package scale

import (
	"testing"
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
