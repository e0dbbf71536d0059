package models

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
)

// listed puts the processor behind the back ends of o: whatever a card does not
// do, the processor does, and everything where no back end is named.
func listed(o compute.Options) compute.Options {
	o.Backends = cpu.List(o.Backends...)
	return o
}

// card is the first back end of a list that is not the processor, or nil.
func card(o compute.Options) compute.Backend {
	for _, b := range o.Backends {
		if b.Machine().Device != compute.Processor {
			return b
		}
	}
	return nil
}

// withoutCards are the options for what the processor does itself.
func withoutCards(o compute.Options) compute.Options {
	var list []compute.Backend
	for _, b := range o.Backends {
		if b.Machine().Device == compute.Processor {
			list = append(list, b)
		}
	}
	o.Backends = list
	return o
}
