package gpu

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// ref numbers a tensor on the device while its place is not known yet.
type ref int

// part is where in a tensor something begins.
type part struct {
	ref
	units int
}

// block is a tensor on the device.
type block struct {
	size   int  // floats
	kept   bool // lives as long as the plan: inputs, packed weights of frozen parameters
	at     int  // unit in the plan's memory, or ^unit of the parameters
	param  bool
	first  int // launches that use it, where it is not kept
	last   int
	placed bool
}

// launch is one kernel to run.
type launch struct {
	kernel string
	groups [3]int
	local  int
	desc   int
	step   int // of the program; -1: none
}

// builder collects launches, their table, and the tensors that they use.
type builder struct {
	ints     []int32
	patches  map[int]part // entries of the table that hold a tensor's place
	blocks   []block
	pending  []ref // used by the next launch
	once     []launch
	launches []launch
	step     int
	err      error // the first that lowering met
}

func newBuilder() *builder { return &builder{patches: map[int]part{}, step: -1} }

// fail keeps the first error.
func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("gpu: "+format, args...)
	}
}

// tensor makes a tensor that lives from its first to its last launch, or
// always.
func (b *builder) tensor(size int, kept bool) ref {
	b.blocks = append(b.blocks, block{size: size, kept: kept, first: -1})
	return ref(len(b.blocks) - 1)
}

// parameter makes a tensor that lies among the parameters, at a unit.
func (b *builder) parameter(size, unit int) ref {
	b.blocks = append(b.blocks, block{size: size, kept: true, at: ^unit, param: true, placed: true})
	return ref(len(b.blocks) - 1)
}

// table appends numbers and returns where they begin: an int as it is, a
// float64 as the bits of a float32, a ref as the place of the tensor.
func (b *builder) table(values ...any) int {
	at := len(b.ints)
	for _, v := range values {
		switch v := v.(type) {
		case int:
			if v > math.MaxInt32 || v < math.MinInt32 {
				b.fail("%d is more than a kernel counts: use a smaller batch", v)
			}
			b.ints = append(b.ints, int32(v)) //nolint:gosec // checked
		case bool:
			n := int32(0)
			if v {
				n = 1
			}
			b.ints = append(b.ints, n)
		case float64:
			b.ints = append(b.ints, int32(math.Float32bits(float32(v)))) //nolint:gosec // bits
		case ref:
			b.later(part{v, 0})
		case part:
			b.later(v)
		case []int:
			for _, n := range v {
				b.ints = append(b.ints, int32(n)) //nolint:gosec // sizes and strides of tensors that fit
			}
		default:
			panic(fmt.Sprintf("gpu: %T in a table", v))
		}
	}
	return at
}

func (b *builder) later(p part) {
	b.patches[len(b.ints)] = p
	b.pending = append(b.pending, p.ref)
	b.ints = append(b.ints, 0)
}

// run appends a launch whose description has the values.
func (b *builder) run(kernel string, groups [3]int, local int, values ...any) {
	b.launches = append(b.launches, b.launch(kernel, groups, local, values))
	now := len(b.launches) - 1
	for _, r := range b.pending {
		t := &b.blocks[r]
		if t.first < 0 {
			t.first = now
		}
		t.last = now
	}
	b.pending = b.pending[:0]
}

// runOnce is run for a launch that is done once, ahead: what it uses is kept.
func (b *builder) runOnce(kernel string, groups [3]int, local int, values ...any) {
	b.once = append(b.once, b.launch(kernel, groups, local, values))
	for _, r := range b.pending {
		b.blocks[r].kept = true
	}
	b.pending = b.pending[:0]
}

func (b *builder) launch(kernel string, groups [3]int, local int, values []any) launch {
	for i, g := range groups[1:] {
		if g > 65535 {
			b.fail("%d groups along axis %d of %s: use a smaller batch", g, i+1, kernel)
		}
	}
	return launch{kernel, groups, local, b.table(values...), b.step}
}

// extend makes a tensor live until all launches so far are done.
func (b *builder) extend(r ref) {
	t := &b.blocks[r]
	if t.first < 0 { // nobody writes it: an input or constant
		t.kept = true
	}
	t.last = math.MaxInt
}

// ops are launches as the driver records them.
func (b *builder) ops(ls []launch, memory []driver.Memory) []driver.Op {
	var ops []driver.Op
	for _, l := range ls {
		ops = append(ops, driver.Op{Kernel: l.kernel, Groups: l.groups, Local: l.local, Mem: memory, Ints: []int32{int32(l.desc)}}) //nolint:gosec // as table checks
	}
	return ops
}

// one is a launch along one axis: enough groups of local items for n.
func one(n, local int) [3]int { return [3]int{(n + local - 1) / local, 1, 1} }

// strided is one for kernels whose items take several elements where there are
// many.
func strided(n int) [3]int { return [3]int{min((n+255)/256, mostGroups), 1, 1} }

// mostGroups keep the largest cards busy several times over; more only cost
// their start.
const mostGroups = 4096

// units is how many blocks of the numbering size floats take.
func units(size int) int { return (size + kernels.Unit - 1) / kernels.Unit }
