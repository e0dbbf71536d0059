package compute

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// Backend runs programs elsewhere than on the processor: see package gpu.
type Backend interface {
	// Build makes a program ready to run.
	Build(p *Program) (Executable, error)
	// Machine says what the programs are run on.
	Machine() Machine
	// Lanes is how many runs may be under way at once, each of a plan of its
	// own, so that the copies of one overlap the kernels of another; 1 where
	// that gains nothing, or where the memory for further plans is short.
	Lanes() int
	// Alive is false once the device has failed: then nothing is run there.
	Alive() bool
	// Failed is told that a program could not be built or run, and that the
	// processor does its work.
	Failed(err error)
}

// Executable is a program on a device. It is used by one goroutine at a time.
type Executable interface {
	Input(name string) []float32 // host memory that every run reads
	Output(i int) []float32      // host memory that every run writes
	Kept(i int) []float32        // see Loop
	Run() error
	// Repeat runs the rounds of the program's Loop. tell, if not nil, is told
	// now and then how many are done; its error ends the loop.
	Repeat(tell func(done int) error) error
	// Hold leaves parameters and moments of a training program on the device
	// between runs.
	Hold()
	// Fetch copies what is held to the host.
	Fetch() error
	// FLOPs that a run needs.
	FLOPs() int
	Release()
}

// Loop makes a plan that feeds some of its outputs back: see Plan.Repeat.
type Loop struct {
	Rounds int
	Carry  []Carry
	Keep   []int // outputs of which the values of every round are kept
}

// Carry copies an output to an input after every round but the last.
type Carry struct {
	Output    int
	Input     string
	Low, High float32 // values are clamped to these where Low < High
}

// elsewhere is the part of a plan that runs on a back end.
type elsewhere struct {
	backend Backend
	exec    Executable            // nil once it has failed
	again   func() (*Plan, error) // the same for the processor
	spare   *Plan                 // what again made
	held    bool
	err     error
}

// compileOn compiles for the back end of o. It returns nil where the processor
// must do the work: the back end was told why.
func compileOn(p *Program, o Options, again func(Options) (*Plan, error)) *Plan {
	if !o.Backend.Alive() {
		return nil
	}
	exec, err := o.Backend.Build(p)
	if err != nil {
		o.Backend.Failed(err)
		return nil
	}
	plain := o
	plain.Backend = nil
	plan := &Plan{inputs: map[string][]float32{}, loop: p.Loop, device: &elsewhere{backend: o.Backend, exec: exec, again: func() (*Plan, error) { return again(plain) }}}
	for _, t := range p.Tensors {
		if t.Kind == Input {
			plan.inputs[t.Name] = exec.Input(t.Name)
		}
	}
	for i := range p.Outs {
		plan.outs = append(plan.outs, exec.Output(i))
	}
	if p.Loop != nil {
		for i := range p.Loop.Keep {
			plan.kept = append(plan.kept, exec.Kept(i))
		}
	}
	return plan
}

// OnDevice tells whether the plan runs on the back end of its options.
func (p *Plan) OnDevice() bool { return p.device != nil && p.device.exec != nil }

// Err says why the weights of a training plan are lost: its device failed while
// they were held there. Every other plan goes on, on the processor.
func (p *Plan) Err() error {
	if p.device == nil {
		return nil
	}
	return p.device.err
}

// Hold leaves the parameters and moments that a training plan updates where it
// runs, so that slices are not copied with every run; the bound slices are out
// of date until Fetch. On the processor it does nothing.
func (p *Plan) Hold() {
	if p.OnDevice() {
		p.device.exec.Hold()
		p.device.held = true
	}
}

// Fetch copies what is held to the bound slices and to the moments.
func (p *Plan) Fetch() error {
	if !p.OnDevice() || !p.device.held {
		return p.Err()
	}
	if err := p.device.exec.Fetch(); err != nil {
		p.handOver(err)
	}
	return p.Err()
}

// handOver lets the processor do what the device no longer does. Outputs lie
// elsewhere from then on: a device that was given up may still write to the old
// ones.
func (p *Plan) handOver(err error) {
	d := p.device
	d.backend.Failed(err)
	d.exec.Release()
	d.exec = nil
	if d.held {
		d.err = fmt.Errorf("compute: the weights were lost with the device (%w): go on from the last state", err)
	} else if d.spare, err = d.again(); err != nil {
		d.err = fmt.Errorf("compute: the device failed, and so does the processor: %w", err)
	}
	if d.err == nil {
		p.outs, p.kept = d.spare.outs, d.spare.kept
		return
	}
	for _, all := range [][][]float32{p.outs, p.kept} {
		for i, old := range all {
			all[i] = make([]float32, len(old))
			for j := range all[i] {
				all[i][j] = float32(math.NaN())
			}
		}
	}
}

// onDevice does the work there, or on the processor where that fails.
func (p *Plan) onDevice(there func(Executable) error, here func(*Plan) error) error {
	d := p.device
	if d.exec != nil {
		err := error(nil)
		if !d.backend.Alive() {
			err = errors.New("compute: the device failed before")
		} else if err = there(d.exec); err == nil {
			return nil
		}
		var stop stopped
		if errors.As(err, &stop) {
			return stop.error
		}
		p.handOver(err)
	}
	if d.err != nil {
		return d.err
	}
	for name, x := range p.inputs {
		copy(d.spare.inputs[name], x)
	}
	err := here(d.spare)
	for name, x := range p.inputs { // a loop carries them on
		copy(x, d.spare.inputs[name])
	}
	return err
}

// stopped is the caller's own error.
type stopped struct{ error }

// Repeat runs the plan Rounds times, as Options.Loop says, and gives Kept. tell,
// if not nil, is told after a round, or on a device after some, how many are
// done; an error that it returns ends the loop and is returned. Inputs that are
// carried hold the values of the last round afterwards. It panics where the
// plan was compiled without a Loop.
func (p *Plan) Repeat(tell func(done int) error) error {
	if p.loop == nil {
		panic("compute: Repeat of a plan without a Loop")
	}
	if p.device != nil {
		return p.onDevice(func(e Executable) error {
			return e.Repeat(func(done int) error {
				if tell == nil {
					return nil
				}
				if err := tell(done); err != nil {
					return stopped{err}
				}
				return nil
			})
		}, func(spare *Plan) error { return spare.Repeat(tell) })
	}
	for round := range p.loop.Rounds {
		p.Run()
		for i, o := range p.loop.Keep {
			copy(p.kept[i][round*len(p.outs[o]):], p.outs[o])
		}
		if tell != nil {
			if err := tell(round + 1); err != nil {
				return err
			}
		}
		if round == p.loop.Rounds-1 {
			break
		}
		for _, c := range p.loop.Carry {
			in := p.inputs[c.Input]
			copy(in, p.outs[c.Output])
			if c.Low < c.High {
				for i, v := range in {
					in[i] = min(max(v, c.Low), c.High)
				}
			}
		}
	}
	return nil
}

// Kept are the values of output Loop.Keep[i] in all rounds, one after the
// other. The next Repeat overwrites them.
func (p *Plan) Kept(i int) []float32 { return p.kept[i] }

// check says what is wrong with a loop for a graph of outs.
func (l *Loop) check(outs gorgonia.Nodes, inputs map[string]int) error {
	if l.Rounds < 1 {
		return fmt.Errorf("compute: a loop of %d rounds", l.Rounds)
	}
	for _, c := range l.Carry {
		if c.Output < 0 || c.Output >= len(outs) || inputs[c.Input] != outs[c.Output].Shape().TotalSize() {
			return fmt.Errorf("compute: output %d cannot be carried to input %q", c.Output, c.Input)
		}
	}
	for _, k := range l.Keep {
		if k < 0 || k >= len(outs) {
			return fmt.Errorf("compute: there is no output %d to keep", k)
		}
	}
	return nil
}

// setLoop makes room for what a loop keeps on the processor.
func (p *Plan) setLoop(l *Loop, outs gorgonia.Nodes) error {
	if l == nil {
		return nil
	}
	sizes := map[string]int{}
	for name, x := range p.inputs {
		sizes[name] = len(x)
	}
	if err := l.check(outs, sizes); err != nil {
		return err
	}
	p.loop = l
	for _, k := range l.Keep {
		p.kept = append(p.kept, make([]float32, l.Rounds*len(p.outs[k])))
	}
	return nil
}
