package compute

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

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

// Repeat runs the plan Rounds times, as Options.Loop says, and gives Kept. tell,
// if not nil, is told after a round, or on a card after some, how many are
// done; an error that it returns ends the loop and is returned. Inputs that are
// carried hold the values of the last round afterwards. It panics where the
// plan was compiled without a Loop.
func (p *Plan) Repeat(tell func(done int) error) error {
	if p.program.Loop == nil {
		panic("compute: Repeat of a plan without a Loop")
	}
	p.tell = tell
	return p.do(p.repeat)
}

// setRepeat makes what Repeat does ahead, so that a loop allocates nothing.
func (p *Plan) setRepeat() {
	told := func(done int) error {
		if p.tell == nil {
			return nil
		}
		if err := p.tell(done); err != nil {
			return stopped{err}
		}
		return nil
	}
	p.repeat = func(e Executable) error { return e.Repeat(told) }
}

// stopped is the caller's own error: no failure of the machine.
type stopped struct{ error }

// Kept are the values of output Loop.Keep[i] in all rounds, one after the
// other. The next Repeat overwrites them.
func (p *Plan) Kept(i int) []float32 { return p.kept[i] }
