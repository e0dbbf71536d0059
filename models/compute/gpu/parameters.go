package gpu

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// parameters are bound slices on the device, shared by all plans that are bound
// to the same.
type parameters struct {
	mu      sync.RWMutex // locked by a run that may write or upload them, shared by those of frozen ones
	key     string
	names   []string
	host    map[string][]float32
	unit    map[string]int
	memory  driver.Memory
	bytes   int
	plans   int
	holders int // plans whose values on the device are newer than the host's
}

// parameters finds or uploads a set.
func (b *Backend) parameters(bound map[string][]float32, q driver.Queue) (*parameters, error) {
	p := &parameters{host: bound, names: slices.Sorted(maps.Keys(bound)), unit: map[string]int{}, plans: 1}
	var key strings.Builder
	size := 0
	for _, name := range p.names {
		x := bound[name]
		_, _ = fmt.Fprintf(&key, "%q %d", name, len(x))
		if len(x) > 0 {
			_, _ = fmt.Fprintf(&key, " %p", &x[0])
		}
		key.WriteByte('\n')
		p.unit[name] = size
		size += units(len(x))
	}
	p.key, p.bytes = key.String(), 4*kernels.Unit*max(size, 1)
	b.mu.Lock()
	if old := b.sets[p.key]; old != nil {
		old.plans++
		b.mu.Unlock()
		return old, nil
	}
	b.mu.Unlock()
	var err error
	if p.memory, err = b.alloc(p.bytes); err != nil {
		return nil, err
	}
	if err := once(b, q, p.upload()); err != nil {
		if harmless(err) {
			p.free(b)
		} else {
			b.mu.Lock()
			b.lost = append(b.lost, p.memory)
			b.mu.Unlock()
			b.Failed(err)
		}
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.sets[p.key]; old != nil { // somebody was quicker
		old.plans++
		p.memory.Release()
		b.used -= int64(p.bytes)
		return old, nil
	}
	b.sets[p.key] = p
	return p, nil
}

// once records and runs operations.
func once(b *Backend, q driver.Queue, ops []driver.Op) error {
	r, err := q.Record(ops)
	if err != nil {
		return fmt.Errorf("gpu: %w", err)
	}
	defer r.Release()
	if err := q.Submit(b.o.Limit, driver.Times{Recording: r, N: 1}); err != nil {
		return fmt.Errorf("gpu: %w", err)
	}
	return nil
}

// upload writes all slices to the device.
func (p *parameters) upload() []driver.Op {
	var ops []driver.Op
	for _, name := range p.names {
		ops = append(ops, driver.Op{To: p.memory, ToAt: 4 * kernels.Unit * p.unit[name], Host: driver.Bytes(p.host[name])})
	}
	return ops
}

func (p *parameters) free(b *Backend) {
	p.memory.Release()
	b.give(p.bytes)
}

// drop is called by a plan that no longer needs the set.
func (b *Backend) drop(p *parameters) {
	b.mu.Lock()
	p.plans--
	last := p.plans == 0
	if last {
		delete(b.sets, p.key)
	}
	b.mu.Unlock()
	if last {
		p.free(b)
	}
}
