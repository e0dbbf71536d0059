package figure

import (
	"errors"
	"fmt"
	"math"
)

// ErrNotFinite says that a value is not a number or has no end. What has no
// score must be left out before it is drawn, and counted in the text.
var ErrNotFinite = errors.New("figure: a value is not a finite number")

// ErrEmpty says that there is nothing to draw.
var ErrEmpty = errors.New("figure: there is nothing to draw")

// ErrShape says that lists that belong together differ in length, or an image
// has another number of values than its size needs.
var ErrShape = errors.New("figure: lists do not fit together")

// Group is a class, such as the normals, and its values. A group may be empty:
// its legend then says n = 0.
type Group struct {
	Name   string
	Values []float64
}

// Estimate is a value with its interval. The value may lie outside: an interval
// by bootstrap need not hold it.
type Estimate struct {
	Value, Low, High float64
}

// String is the estimate as tables show it: "0.73 [0.60, 0.82]".
func (e Estimate) String() string {
	return fmt.Sprintf("%.2f [%.2f, %.2f]", e.Value, e.Low, e.High)
}

// finite refuses what is not a number.
func finite(name string, lists ...[]float64) error {
	for _, values := range lists {
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%s, value %d is %v: %w; leave it out and say so", name, i+1, v, ErrNotFinite)
			}
		}
	}
	return nil
}

// positive refuses what a logarithmic axis cannot show.
func positive(name string, values []float64) error {
	for i, v := range values {
		if !(v > 0) {
			return fmt.Errorf("%s, value %d is %v, which a logarithmic axis cannot show: use a linear one", name, i+1, v)
		}
	}
	return nil
}

// checkGroups refuses groups without a single value, and values that cannot be
// shown.
func checkGroups(groups []Group, log bool) error {
	n := 0
	for _, g := range groups {
		n += len(g.Values)
		if err := finite(g.Name, g.Values); err != nil {
			return err
		}
		if log {
			if err := positive(g.Name, g.Values); err != nil {
				return err
			}
		}
	}
	if n == 0 {
		return ErrEmpty
	}
	return nil
}

// check refuses an interval that ends before it begins.
func (e Estimate) check(name string) error {
	if err := finite(name, []float64{e.Value, e.Low, e.High}); err != nil {
		return err
	}
	if e.Low > e.High {
		return fmt.Errorf("%s: the interval of %v ends before it begins: %w", name, e, ErrShape)
	}
	return nil
}

// same refuses lists of different length.
func same(name string, lists ...[]float64) error {
	for _, l := range lists {
		if len(l) != len(lists[0]) {
			return fmt.Errorf("%s: one list has %d values, another %d: %w", name, len(lists[0]), len(l), ErrShape)
		}
	}
	return finite(name, lists...)
}
