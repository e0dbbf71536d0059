package bench

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Timing tells of the runs of a work, in milliseconds.
type Timing struct {
	Median, Least, Most float64
	CPU                 float64 // processor time of a run, mean; 0: not known on this system
}

// Time runs a work as [Median] does.
func Time(ctx context.Context, run func()) (t Timing, err error) {
	run()
	var ms []float64
	before := processorTime()
	for start := time.Now(); len(ms) < 5 || time.Since(start) < time.Second; {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		began := time.Now()
		run()
		ms = append(ms, float64(time.Since(began))/1e6)
	}
	slices.Sort(ms)
	t = Timing{Median: ms[len(ms)/2], Least: ms[0], Most: ms[len(ms)-1]}
	t.CPU = (processorTime() - before) / float64(len(ms))
	return t, nil
}

// processorTime is that of this process until now, of all threads, in
// milliseconds: fields 14 and 15 of /proc/self/stat (proc(5)), in ticks of 10.
func processorTime() float64 {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return 10 * (user + system)
}

// Load is how many processes of this machine wanted to run in the last minute
// (proc(5)); 0: not known on this system.
func Load() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}
