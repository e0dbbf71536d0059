package cpu

import (
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
)

func TestNew(t *testing.T) {
	if _, err := New(Options{Kernels: "none such"}); err == nil {
		t.Error("kernels that do not exist were taken")
	}
	for _, name := range Names() {
		b, err := New(Options{Threads: 1, Kernels: name})
		if err != nil || b.Machine() != (compute.Machine{Device: "cpu", Name: name, Precision: "float32"}) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
		if !(b.Peak() > 0) {
			t.Errorf("%s: no peak", name)
		}
	}
}

// TestList: the processor is at the end, once.
func TestList(t *testing.T) {
	b := List()[0]
	for i, before := range [][]compute.Backend{nil, {nil}, {b}, {nil, b}} {
		if l := List(before...); len(l) != 1 || l[0].Machine() != b.Machine() {
			t.Errorf("case %d: %v", i, l)
		}
	}
	card := struct{ compute.Backend }{b} // another kind of back end
	if l := List(card); len(l) != 2 || l[0] != card {
		t.Errorf("%v", l)
	}
	two, err := New(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if l := List(card, two); !slices.Equal(l, []compute.Backend{card, two}) {
		t.Errorf("%v", l)
	}
}
