package kernel

// Tile computes c[i,j] = sum over p < k of a[p*Rows+i] * b[off[p]+at[j/Vec]+j%Vec]
// for a block of Rows x Cols, adding to c where add is set. Row i of c begins at
// i*ldc. The block is always computed whole: a, b and c must reach that far.
type Tile struct {
	Rows, Cols int
	Vec        int     // columns that lie side by side in b
	Cost       float64 // of one product, in those of the first tile of its set
	run        func(k int, a, b *float32, off, at *int, c *float32, ldc int, add bool)
}

// plain are the columns of a tile that all lie side by side.
func (t *Tile) plain() *int {
	switch t.Vec {
	case 8:
		return &plain8[0]
	case 16:
		return &plain16[0]
	}
	return &plainOne[0]
}

var (
	plainOne = [1]int{}
	plain8   = [4]int{0, 8, 16, 24}
	plain16  = [4]int{0, 16, 32, 48}
)

// Run computes the block; at nil means columns that all lie side by side. It
// panics where a, off, at or c are too short; that b reaches far enough is the
// caller's duty.
func (t *Tile) Run(k int, a, b []float32, off, at []int, c []float32, ldc int, add bool) {
	if k == 0 {
		panic("kernel: empty product")
	}
	_, _, _ = a[k*t.Rows-1], off[k-1], c[(t.Rows-1)*ldc+t.Cols-1]
	columns := t.plain()
	if at != nil {
		_, columns = at[t.Cols/t.Vec-1], &at[0]
	}
	t.run(k, &a[0], &b[0], &off[0], columns, &c[0], ldc, add)
}

// Set is one implementation of all loops.
type Set struct {
	Name  string // "avx512", "avx2", "neon" or "go"
	Tiles []Tile // the one for many rows and columns first
	Vec   Vec
	adam  func(n int, w, m, v, g *float32, k *[7]float32)
	sum   func(n int, x *float32) float64 // nil: as plain Go

	square    int // rows and columns that transpose takes at once, columns that scatter does
	transpose func(n int, src *float32, stride int, dst *float32, off *int)
	scatter   func(rows, n int, src *float32, lds int, dst *float32, ldd int, moves *[2]int32)
}

// AdamStep are the numbers of one step of Adam, as the loops read them.
type AdamStep [7]float32

// NewAdamStep takes a factor for the gradient (clipping), both betas, the rate
// with the bias of the moments corrected, and epsilon.
func NewAdamStep(scale, beta1, beta2, rate, epsilon float64) AdamStep {
	b1, b2 := float32(beta1), float32(beta2)
	return AdamStep{float32(scale), b1, 1 - b1, b2, 1 - b2, float32(rate), float32(epsilon)}
}

// Adam updates weights w, first moments m and second moments v, in place, with
// the gradient g: d = scale*g, m = beta1*m + (1-beta1)*d, v = beta2*v +
// (1-beta2)*d*d, w = w - rate*m/(sqrt(v) + epsilon). It panics where lengths
// differ.
func (s *Set) Adam(w, m, v, g []float32, a *AdamStep) {
	n := len(w)
	if len(m) != n || len(v) != n || len(g) != n {
		panic("kernel: lengths of an Adam step")
	}
	k := (*[7]float32)(a)
	if whole := n / Lanes * Lanes; whole > 0 && s.adam != nil {
		s.adam(whole, &w[0], &m[0], &v[0], &g[0], k)
		w, m, v, g = w[whole:], m[whole:], v[whole:], g[whole:]
	}
	adamGo(w, m, v, g, k)
}

// sumBlock is a multiple of the values that every set adds up at once.
const sumBlock = 32

// Sum adds up x in float64.
func (s *Set) Sum(x []float32) float64 {
	sum := 0.0
	if whole := len(x) / sumBlock * sumBlock; whole > 0 && s.sum != nil {
		sum = s.sum(whole, &x[0])
		x = x[whole:]
	}
	var a, b, c, d float64
	for len(x) >= 4 {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
		x = x[4:]
	}
	for _, v := range x {
		a += float64(v)
	}
	return sum + ((a + b) + (c + d))
}

// Lanes is a multiple of the lanes of every set: element-wise loops take
// lengths that are multiples of it, so that each element is computed in one
// way wherever it stands.
const Lanes = 16

// Loop writes n values to dst from x, and y where there is a second input; dst
// may be x or y.
type Loop func(n int, dst, x, y *float32, c float32)

// Run calls the loop. It panics where lengths differ or are no multiple of
// Lanes; y may be nil for loops of one input.
func (l Loop) Run(dst, x, y []float32, c float32) {
	n := len(dst)
	if n == 0 || n%Lanes != 0 || len(x) != n || (y != nil && len(y) != n) {
		panic("kernel: lengths of an element-wise loop")
	}
	p := &x[0]
	if y != nil {
		p = &y[0]
	}
	l(n, &dst[0], &x[0], p, c)
}

// Vec are the element-wise loops.
type Vec struct {
	Add, Sub, Mul, Div   Loop // of x and y
	Scale, Shift, Square Loop // c*x, x+c, x*x
	Leaky                Loop // x where x > 0, c*x elsewhere
	Gate                 Loop // 1 where x > 0, c elsewhere
	Exp, Sigmoid         Loop
}

// MaxCols is the width of the widest tile.
func (s *Set) MaxCols() int {
	n := 0
	for _, t := range s.Tiles {
		n = max(n, t.Cols)
	}
	return n
}

// Best returns the fastest set that this processor runs.
func Best() *Set { return sets()[0] }

// sets returns all that this processor runs, the fastest first.
func sets() []*Set {
	return append(machineSets(), &Set{
		Name:  "go",
		Tiles: []Tile{{4, 8, 8, 1, tileGo(4, 8)}, {1, 16, 16, 1, tileGo(1, 16)}},
		Vec:   vecGo(), square: 8, transpose: transposeGo(8), scatter: scatterGo(8),
	})
}

// Named returns the set of that name, or nil where this processor does not run
// it.
func Named(name string) *Set {
	for _, s := range sets() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Names lists the sets that this processor runs, the fastest first.
func Names() []string {
	var names []string
	for _, s := range sets() {
		names = append(names, s.Name)
	}
	return names
}
