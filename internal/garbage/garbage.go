// Package garbage bounds the memory that a process holds beside what it uses.
package garbage

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Bounds of the percentage that Go's collector is given (GOGC): how much garbage may come
// together, as a share of what is in use.
const (
	least = 25
	most  = 50
)

// step is the least change of the percentage that is worth stopping the world for.
const step = 3

// Limit has the collector run once so many bytes of garbage have come together, whatever
// is in use, from now on: Go's own rule, a share of what is in use, takes a byte and a half
// for every byte that the process grows by. The share is held between 25 and 50 % all the
// same.
func Limit(bytes uint64) {
	debug.SetGCPercent(most)
	p := &pace{bytes: bytes, percent: most}
	p.next(&mark{})
}

type pace struct {
	bytes   uint64
	percent int // as it is set
}

// mark is garbage from the start: its finalizer runs after each collection.
type mark struct{ _ *byte }

func (p *pace) next(m *mark) {
	runtime.SetFinalizer(m, func(m *mark) {
		p.adjust(inUse())
		p.next(m)
	})
}

func (p *pace) adjust(inUse uint64) {
	percent := most
	if inUse > 0 {
		percent = int(min(max(p.bytes*100/inUse, least), most))
	}
	if d := percent - p.percent; d >= step || d <= -step {
		debug.SetGCPercent(percent)
		p.percent = percent
	}
}

// inUse is how many bytes the last collection found in use.
func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
