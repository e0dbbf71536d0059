package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/tensor"
)

// executable is a program with all its buffers: steps in order.
type executable struct {
	space  *space
	steps  []step
	bufs   int // elements of all buffers
	inputs map[string][]float32
	outs   [][]float32
	loop   *compute.Loop
	kept   [][]float32
}

type step struct {
	name   string
	out    tensor.Shape
	flops  int // needed, without borders and padding
	bytes  int // of the tensors that it reads and writes
	buffer int // which buffer holds the output: steps with the same number share it
	run    func()
}

// Input implements compute.Executable.
func (e *executable) Input(name string) []float32 { return e.inputs[name] }

// Output implements compute.Executable.
func (e *executable) Output(i int) []float32 { return e.outs[i] }

// Kept implements compute.Executable.
func (e *executable) Kept(i int) []float32 { return e.kept[i] }

// Run implements compute.Executable. Its error is always nil.
func (e *executable) Run() error {
	e.space.run++
	for i := range e.steps {
		e.steps[i].run()
	}
	return nil
}

// Repeat implements compute.Executable. tell is told after every round.
func (e *executable) Repeat(tell func(done int) error) error {
	for round := range e.loop.Rounds {
		_ = e.Run() // always nil
		for i, o := range e.loop.Keep {
			copy(e.kept[i][round*len(e.outs[o]):], e.outs[o])
		}
		if err := tell(round + 1); err != nil {
			return err
		}
		if round == e.loop.Rounds-1 {
			break
		}
		for _, c := range e.loop.Carry {
			in := e.inputs[c.Input]
			copy(in, e.outs[c.Output])
			if c.Low < c.High {
				for i, v := range in {
					in[i] = min(max(v, c.Low), c.High)
				}
			}
		}
	}
	return nil
}

// Hold implements compute.Executable: what is trained lies in the bound slices.
func (e *executable) Hold() {}

// Fetch implements compute.Executable.
func (e *executable) Fetch() error { return nil }

// FLOPs implements compute.Executable.
func (e *executable) FLOPs() int {
	n := 0
	for _, s := range e.steps {
		n += s.flops
	}
	return n
}

// Release implements compute.Executable: the collector takes the buffers.
func (e *executable) Release() {}
