package kernel

import "unsafe"

// Transpose writes src [rows][cols], of which row i begins at i*stride, to
// columns of dst: element (i, j) to dst[off[j]+i]. dst and src must not
// overlap. It panics where a slice is too short.
func (s *Set) Transpose(rows, cols int, src []float32, stride int, dst []float32, off []int) {
	if rows == 0 || cols == 0 {
		return
	}
	_ = src[(rows-1)*stride+cols-1]
	for _, o := range off[:cols] {
		_ = dst[o+rows-1]
	}
	w := s.square
	if rows < w || cols < w {
		for j, o := range off[:cols] {
			for i := range rows {
				dst[o+i] = src[i*stride+j]
			}
		}
		return
	}
	for j := 0; j < cols; j += w {
		j := min(j, cols-w) // the last squares overlap those before them
		s.transpose(rows/w, &src[j], stride, &dst[0], &off[j])
		if i := rows - w; rows%w > 0 {
			s.transpose(1, &src[i*stride+j], stride, &dst[i], &off[j])
		}
	}
}

// Move says that the columns from the first number on go to the second, an
// offset.
type Move [2]int32

// Width is how many columns Scatter moves at once.
func (s *Set) Width() int { return s.square }

// Scatter copies vectors of Width columns of rows of src, which begin lds apart,
// to rows of dst, ldd apart. It panics where a slice is too short.
func (s *Set) Scatter(rows int, src []float32, lds int, dst []float32, ldd int, moves []Move) {
	if rows == 0 || len(moves) == 0 {
		return
	}
	from, to := src[(rows-1)*lds:], dst[(rows-1)*ldd:]
	for _, m := range moves {
		_, _ = from[int(m[0])+s.square-1], to[int(m[1])+s.square-1]
	}
	s.scatter(rows, len(moves), &src[0], lds, &dst[0], ldd, (*[2]int32)(&moves[0]))
}

// scatterGo is the specification of Scatter.
func scatterGo(width int) func(rows, n int, src *float32, lds int, dst *float32, ldd int, moves *[2]int32) {
	return func(rows, n int, src *float32, lds int, dst *float32, ldd int, moves *[2]int32) {
		for r := range rows {
			for _, m := range unsafe.Slice(moves, n) {
				from := unsafe.Add(unsafe.Pointer(src), 4*(r*lds+int(m[0])))
				to := unsafe.Add(unsafe.Pointer(dst), 4*(r*ldd+int(m[1])))
				copy(unsafe.Slice((*float32)(to), width), unsafe.Slice((*float32)(from), width))
			}
		}
	}
}

// transposeGo is the specification: n squares, one below the other.
func transposeGo(width int) func(n int, src *float32, stride int, dst *float32, off *int) {
	return func(n int, src *float32, stride int, dst *float32, off *int) {
		from := unsafe.Slice(src, (n*width-1)*stride+width)
		for j, o := range unsafe.Slice(off, width) {
			to := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(dst), 4*o)), n*width)
			for i := range to {
				to[i] = from[i*stride+j]
			}
		}
	}
}
