package cpu

// space is what the steps of a plan share, since they run one after the other:
// packed weights, and memory that each fills before it reads it.
type space struct {
	run   int // number of the run, from 1
	held  map[string]any
	arena arena
}

func newSpace() *space { return &space{held: map[string]any{}} }

// shared returns what is held under key, or makes it.
func shared[T any](s *space, key string, build func() T) T {
	if v, ok := s.held[key]; ok {
		return v.(T)
	}
	v := build()
	s.held[key] = v
	return v
}

// arena is one piece of memory for all steps, as large as the one that needs
// most: what a step left there is likely still in cache.
type arena struct {
	memory []float32
	owner  string // who wrote to it last
}

// reserve makes sure that there are size elements.
func (a *arena) reserve(size int) {
	if len(a.memory) < size {
		a.memory = make([]float32, size)
	}
}

// claim returns size elements, and whether they are as the last owner of this
// name left them.
func (a *arena) claim(size int, name string) (memory []float32, kept bool) {
	kept = a.owner == name
	a.owner = name
	return a.memory[:size], kept
}
