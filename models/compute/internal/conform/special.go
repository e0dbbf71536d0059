package conform

import (
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var inf = float32(math.Inf(1))

// special are zeros, infinities, NaN and the ends of the range.
var special = []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, float32(math.NaN()), 3e38, -3e38, 1e-30, -1e-30, 88, -88, -100, 1000, -1000}

// specialValues holds the element-wise operators on them.
func (s *suite) specialValues() {
	for _, c := range Cases(rand.New(rand.NewPCG(1, 1))) {
		x := make([][]float32, len(c.Shapes))
		switch c.Op.(type) {
		case op.Unary:
			x[0] = special
		case op.Binary:
			for _, v := range special {
				for _, w := range special {
					x[0], x[1] = append(x[0], v), append(x[1], w)
				}
			}
		default:
			continue
		}
		for i := range c.Shapes {
			c.Shapes[i] = tensor.Shape{len(x[i])}
		}
		n, err := c.Graph()
		if err != nil {
			s.Fatal(err)
		}
		want, err := c.Want(x)
		if err != nil {
			s.Fatal(err)
		}
		p := s.compile(gorgonia.Nodes{n}, nil, compute.Options{})
		for _, name := range p.Inputs() {
			copy(p.Input(name), leaves(x)[name])
		}
		p.Run()
		s.same(p.Output(0), want, c.Op.Name(), x...)
	}
}

// same compares element by element: values of operators that are no sums.
func (s *suite) same(got []float32, want []float64, what string, x ...[]float32) {
	s.Helper()
	for i, v := range got {
		w, g := float64(float32(want[i])), float64(v)
		if math.IsNaN(w) != math.IsNaN(g) || (!math.IsNaN(w) && g != w && !(math.Abs(g-w) <= 1e-6*math.Abs(w)+1e-37)) {
			var of []float32
			for _, r := range x {
				of = append(of, r[i])
			}
			s.Errorf("%s of %v is %g, want %g", what, of, g, w)
		}
	}
}

// constantDivisors divides by constants that are part of an instruction where
// they can be: a quotient is no product with a reciprocal that is zero, not
// finite or no normal number.
func (s *suite) constantDivisors() {
	for _, c := range []float64{0, math.Copysign(0, -1), 0x1p-127, 0x1p127, 4, -3} {
		g, b := gorgonia.NewGraph(), op.Builder{}
		x := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(len(special)), gorgonia.WithName("x"))
		y := b.Do(op.Binary{F: '/'}, x, b.Do(op.Unary{F: op.Fill, C: c}, x))
		if b.Err != nil {
			s.Fatal(b.Err)
		}
		p := s.compile(gorgonia.Nodes{y}, nil, compute.Options{})
		copy(p.Input("x"), special)
		p.Run()
		s.same(p.Output(0), op.Evaluate(map[string][]float32{"x": special}, y)[0], "a quotient by a constant", special)
	}
}
