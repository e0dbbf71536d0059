package compute

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
)

// Options of Compile.
type Options struct {
	// Backends are the machines to run on, those to prefer in front. The first
	// that is alive and takes the program runs it, and those behind it go on
	// where it fails: see cpu.List.
	Backends []Backend

	Frozen bool  // bound parameters hold their final values: they are packed once
	Loop   *Loop // nil: the plan is not repeated
}

// Plan is a graph compiled for its shapes, on a machine. A plan is run by one
// goroutine at a time; plans that share bound parameters may run at the same
// time as long as none writes them.
type Plan struct {
	program *Program
	backend Backend
	rest    []Backend  // that go on where backend fails
	exec    Executable // nil: none goes on
	inputs  map[string][]float32
	outs    [][]float32
	kept    [][]float32
	moved   bool                 // exec is not what made the inputs
	tell    func(done int) error // of Repeat, while it runs
	repeat  func(Executable) error
	held    bool
	err     error
}

// Compile turns the graph behind outs into a plan. Leaves are found by name:
// those in bound use the caller's slices, the others become inputs that the
// caller fills before Run. A node that holds no operator of package op, a leaf
// that is not float32, or a bound slice of the wrong length is an error that
// names it.
func Compile(outs gorgonia.Nodes, bound map[string][]float32, o Options) (*Plan, error) {
	program, err := Lower(outs, bound, o)
	if err != nil {
		return nil, err
	}
	return newPlan(program, o.Backends)
}

func newPlan(program *Program, list []Backend) (*Plan, error) {
	p := &Plan{program: program, rest: list, inputs: map[string][]float32{}}
	if err := p.next(); err != nil {
		return nil, err
	}
	for _, t := range program.Tensors {
		if t.Kind == Input {
			p.inputs[t.Name] = p.exec.Input(t.Name)
		}
	}
	p.setRepeat()
	return p, nil
}

// next takes the next back end that builds the program. Every one that does not
// is told why.
func (p *Plan) next() error {
	errs := []error{errors.New("compute: no back end takes the program")}
	for len(p.rest) > 0 {
		b := p.rest[0]
		p.rest = p.rest[1:]
		if !b.Alive() {
			errs = append(errs, fmt.Errorf("%s has failed", b.Machine().Device))
			continue
		}
		e, err := b.Build(p.program)
		if err != nil {
			b.Failed(err)
			errs = append(errs, err)
			continue
		}
		p.backend, p.exec, p.outs, p.kept = b, e, nil, nil
		for i := range p.program.Outs {
			p.outs = append(p.outs, e.Output(i))
		}
		if p.program.Loop != nil {
			for i := range p.program.Loop.Keep {
				p.kept = append(p.kept, e.Kept(i))
			}
		}
		return nil
	}
	return errors.Join(errs...)
}

// Input returns the buffer of a named input for the caller to fill. It panics
// where the plan has no such input.
func (p *Plan) Input(name string) []float32 {
	b, ok := p.inputs[name]
	if !ok {
		panic("compute: plan has no input " + name)
	}
	return b
}

// Inputs are the names of the inputs, sorted. A leaf that no output depends on
// is none.
func (p *Plan) Inputs() []string { return slices.Sorted(maps.Keys(p.inputs)) }

// Output returns the i-th output. The next Run overwrites it, or where a machine
// fails puts it elsewhere.
func (p *Plan) Output(i int) []float32 { return p.outs[i] }

// Run computes the outputs from the inputs. Where that fails on all machines of
// the plan, outputs are NaN, and Err says why.
func (p *Plan) Run() { _ = p.do(Executable.Run) } // see Err

// do does the work on the machine of the plan, and where that fails on the next
// of its list.
func (p *Plan) do(work func(Executable) error) error {
	for p.err == nil {
		err := errFailed
		if p.backend.Alive() {
			err = p.work(work)
		}
		if err == nil {
			return nil
		}
		var stop stopped
		if errors.As(err, &stop) {
			return stop.error
		}
		p.handOver(err)
	}
	return p.err
}

// errFailed is what a plan meets whose machine failed with another plan.
var errFailed = errors.New("compute: the machine failed before")

func (p *Plan) work(work func(Executable) error) error {
	if p.moved {
		for name, x := range p.inputs {
			copy(p.exec.Input(name), x)
		}
	}
	err := work(p.exec)
	if p.moved { // a loop carries them on
		for name, x := range p.inputs {
			copy(x, p.exec.Input(name))
		}
	}
	return err
}

// handOver lets the next machine do what one no longer does. Outputs lie
// elsewhere from then on: a machine that was given up may still write to the
// old ones.
func (p *Plan) handOver(err error) {
	p.backend.Failed(err)
	p.exec.Release()
	p.exec, p.moved = nil, true
	old := [][][]float32{p.outs, p.kept}
	if p.held {
		p.err = fmt.Errorf("compute: the weights were lost with the device (%w): go on from the last state", err)
	} else if next := p.next(); next != nil {
		p.err = fmt.Errorf("compute: the device failed (%w), and nothing goes on: %w", err, next)
	}
	if p.err == nil {
		return
	}
	for _, all := range old {
		for i, x := range all {
			all[i] = slices.Repeat([]float32{float32(math.NaN())}, len(x))
		}
	}
}

// Machine is what computed the outputs of the last run: the next of the list
// where one failed on the way.
func (p *Plan) Machine() Machine {
	if p.exec == nil {
		return Machine{}
	}
	return p.backend.Machine()
}

// OnDevice tells whether the plan runs on a card, and not on the processor.
func (p *Plan) OnDevice() bool { return p.exec != nil && p.backend.Machine().Device != Processor }

// FLOPs is how many multiplications and additions one Run needs, without those
// on borders and padding.
func (p *Plan) FLOPs() int {
	if p.exec == nil {
		return 0
	}
	return p.exec.FLOPs()
}

// Err says why the plan no longer computes: the machine failed on which the
// weights were held that it trains, or no other takes its work.
func (p *Plan) Err() error { return p.err }
