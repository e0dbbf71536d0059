package compute

// space is what the steps of a plan share, since they run one after the other:
// buffers that each fills before it reads them, and packed weights.
type space struct {
	run  int // number of the run, from 1
	held map[string]any
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
