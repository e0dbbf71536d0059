package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// matmulBlock is how many terms of an inner product are taken at a time, so
// that the packed block of the right factor stays in cache.
const matmulBlock = 512

// packCost is what packing an element of the right factor costs, in products of
// the first tile: it is read across the rows, one cache line for each.
const packCost = 10

// matmulKernel is a product of two matrices. Rows of the left factor are
// packed for the tile; columns of the right one are read where they lie if
// they do so in whole tiles, and packed otherwise.
type matmulKernel struct {
	team           *team
	op             op.MatMul
	tile           *kernel.Tile
	rows, cols, k  int
	left           []float32   // packed [row tile][k][tile.Rows]
	off, packed    []int       // window offsets in place, and in a packed panel
	panel, scratch [][]float32 // per worker
	inPlace        bool

	c, a, b           []float32 // bound ahead
	j                 int       // column tile in work, where workers share rows
	doPack            func(worker, part int)
	doColumns, doRows func(worker, part int)
}

func newMatMul(t *team, set *kernel.Set, m op.MatMul, a, b tensor.Shape) *matmulKernel {
	k := &matmulKernel{team: t, op: m}
	k.rows, k.cols, k.k = m.Dims(a, b)
	least := 0.0
	for i := range set.Tiles {
		tile := &set.Tiles[i]
		rows, cols := (k.rows+tile.Rows-1)/tile.Rows*tile.Rows, (k.cols+tile.Cols-1)/tile.Cols*tile.Cols
		cost := tile.Cost * float64(rows*cols)
		if m.TransB || cols != k.cols {
			cost += packCost * float64(cols)
		}
		if k.tile == nil || cost < least {
			k.tile, least = tile, cost
		}
	}
	k.left = make([]float32, k.rowTiles()*k.tile.Rows*k.k)
	k.inPlace = !m.TransB && k.cols%k.tile.Cols == 0
	k.off = make([]int, k.k)
	k.packed = make([]int, min(k.k, matmulBlock))
	for p := range k.off {
		k.off[p] = p * k.cols
	}
	for p := range k.packed {
		k.packed[p] = p * k.tile.Cols
	}
	k.panel = make([][]float32, t.size)
	k.scratch = make([][]float32, t.size)
	for i := range k.panel {
		k.panel[i] = make([]float32, len(k.packed)*k.tile.Cols)
		k.scratch[i] = make([]float32, k.rowTiles()*k.tile.Rows*k.tile.Cols)
	}
	return k
}

// bind fixes where c, a and b are.
func (k *matmulKernel) bind(c, a, b []float32) func() {
	k.c, k.a, k.b = c, a, b
	rowTiles := k.rowTiles()
	k.doPack = func(_, i int) { k.packLeft(k.a, i) }
	k.doColumns = func(w, j int) { k.column(k.c, k.b, w, j, 0, rowTiles) }
	k.doRows = func(w, p int) {
		lo, hi := span(rowTiles, p, min(k.team.size, rowTiles))
		k.column(k.c, k.b, w, k.j, lo, hi)
	}
	return k.run
}

func (k *matmulKernel) rowTiles() int { return (k.rows + k.tile.Rows - 1) / k.tile.Rows }

// run computes c = op(a)*op(b).
func (k *matmulKernel) run() {
	rowTiles := k.rowTiles()
	colTiles := (k.cols + k.tile.Cols - 1) / k.tile.Cols
	k.team.each(rowTiles, k.doPack)
	if colTiles >= k.team.size {
		k.team.each(colTiles, k.doColumns)
		return
	}
	for k.j = 0; k.j < colTiles; k.j++ {
		k.team.each(min(k.team.size, rowTiles), k.doRows)
	}
}

func (k *matmulKernel) packLeft(a []float32, i int) {
	r := k.tile.Rows
	dst := k.left[i*r*k.k : (i+1)*r*k.k]
	for row := range min(r, k.rows-i*r) {
		if k.op.TransA {
			for p := range k.k {
				dst[p*r+row] = a[p*k.rows+i*r+row]
			}
		} else {
			for p, v := range a[(i*r+row)*k.k : (i*r+row+1)*k.k] {
				dst[p*r+row] = v
			}
		}
	}
}

// column computes column tile j for row tiles lo..hi-1.
func (k *matmulKernel) column(c, b []float32, w, j, lo, hi int) {
	rows, cols := k.tile.Rows, k.tile.Cols
	n := min(cols, k.cols-j*cols)
	scratch := k.scratch[w]
	for p0 := 0; p0 < k.k; p0 += matmulBlock {
		kc := min(matmulBlock, k.k-p0)
		right, off := b[j*cols:], k.off[p0:]
		if !k.inPlace {
			k.packRight(k.panel[w], b, j*cols, n, p0, kc)
			right, off = k.panel[w], k.packed
		}
		for i := lo; i < hi; i++ {
			k.tile.Run(kc, k.left[(i*k.k+p0)*rows:], right, off, nil, scratch[i*rows*cols:], cols, p0 > 0)
		}
	}
	for i := lo * rows; i < min(hi*rows, k.rows); i++ {
		copy(c[i*k.cols+j*cols:][:n], scratch[i*cols:])
	}
}

func (k *matmulKernel) packRight(dst, b []float32, j0, n, p0, kc int) {
	cols := k.tile.Cols
	if n < cols {
		clear(dst)
	}
	if !k.op.TransB {
		for p := range kc {
			copy(dst[p*cols:p*cols+n], b[(p0+p)*k.cols+j0:])
		}
		return
	}
	for j := range n {
		for p, v := range b[(j0+j)*k.k+p0:][:kc] {
			dst[p*cols+j] = v
		}
	}
}
