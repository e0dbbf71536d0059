package gpu

import "gorgonia.org/tensor"

// axes is a size, position or step along z, y and x; missing spatial axes are
// flat first ones.
type axes [3]int

func (a axes) volume() int { return a[0] * a[1] * a[2] }

// spatial are the spatial sizes of a shape [N, C, spatial...].
func spatial(s tensor.Shape) axes {
	a := axes{1, 1, 1}
	copy(a[5-len(s):], s[2:])
	return a
}

// along is v along the spatial axes of a shape, and flat along the others.
func along(s tensor.Shape, v, flat int) axes {
	a := axes{flat, flat, flat}
	for i := 5 - len(s); i < 3; i++ {
		a[i] = v
	}
	return a
}

// class are output positions that are computed alike: position p lies at
// first + p*step of the output and sees, through tap i, the input at
// p*stride + taps[i].at with the sum of some weights.
type class struct {
	count, stride, first, step axes
	taps                       []tap
}

type tap struct {
	at axes
	of []int // flat indices within the kernel
}

// line is a class along one axis.
type line struct {
	count, stride, first, step int
	at                         []int
	of                         [][]int
}

// cross makes the classes of three axes from those of each; size is that of
// the kernel. Classes without positions are left out.
func cross(lines [3][]line, size axes) []class {
	var cs []class
	for _, z := range lines[0] {
		for _, y := range lines[1] {
			for _, x := range lines[2] {
				c := class{count: axes{z.count, y.count, x.count}, stride: axes{z.stride, y.stride, x.stride},
					first: axes{z.first, y.first, x.first}, step: axes{z.step, y.step, x.step}}
				if c.count.volume() <= 0 {
					continue
				}
				for i := range z.at {
					for j := range y.at {
						for k := range x.at {
							c.taps = append(c.taps, tap{axes{z.at[i], y.at[j], x.at[k]}, flatTaps(size, z.of[i], y.of[j], x.of[k])})
						}
					}
				}
				cs = append(cs, c)
			}
		}
	}
	return cs
}

func flatTaps(size axes, z, y, x []int) []int {
	var of []int
	for _, a := range z {
		for _, b := range y {
			for _, c := range x {
				of = append(of, (a*size[1]+b)*size[2]+c)
			}
		}
	}
	return of
}

// convLines: every output position is of one class.
func convLines(size, out, pad, stride int) []line {
	l := line{count: out, stride: stride, step: 1}
	for q := range size {
		l.at, l.of = append(l.at, q-pad), append(l.of, []int{q})
	}
	return []line{l}
}

// dataLines are the phases of the stride: with i + pad = stride*t + r, input i
// gets the taps q = r + stride*j of the gradient at t - j.
func dataLines(size, in, pad, stride int) []line {
	var ls []line
	for r := range stride {
		first := (max(0, pad-r) + stride - 1) / stride
		at := stride*first + r - pad
		l := line{count: max(0, (in-at+stride-1)/stride), stride: 1, first: at, step: stride}
		for q := r; q < size; q += stride {
			l.at, l.of = append(l.at, first-q/stride), append(l.of, []int{q})
		}
		ls = append(ls, l)
	}
	return ls
}

// upLines: outputs 2a and 2a+1 of a convolution of three taps on what repeats
// every element twice see only elements a-1, a and a+1, so that the weights of
// equal elements are added up.
func upLines(n, out int) []line {
	ls := []line{
		{out / 2, 1, 0, 2, []int{-1, 0}, [][]int{{0}, {1, 2}}},
		{out / 2, 1, 1, 2, []int{0, 1}, [][]int{{0, 1}, {2}}},
	}
	if out < 2*n { // the last even position has nothing behind it
		ls = append(ls, line{1, 1, 2 * (n - 1), 2, []int{n - 2, n - 1}, [][]int{{0}, {1}}})
	}
	return ls
}

// upDataLines: element a of the small tensor gets the gradient at 2a-1 to 2a+2.
func upDataLines(n, out int) []line {
	l := line{n, 2, 0, 1, []int{-1, 0, 1, 2}, [][]int{{2}, {1, 2}, {0, 1}, {0}}}
	if out == 2*n {
		return []line{l}
	}
	l.count--
	end := 2 * (n - 1)
	return []line{l, {1, 2, n - 1, 1, []int{end - 1, end}, [][]int{{2}, {1}}}}
}

// flatLine is an axis that is not there.
func flatLine() []line { return []line{{1, 1, 0, 1, []int{0}, [][]int{{0}}}} }

// lines calls f for the axes that a shape has.
func lines(s tensor.Shape, f func(axis int) []line) [3][]line {
	var ls [3][]line
	for i := range ls {
		if i < 5-len(s) {
			ls[i] = flatLine()
		} else {
			ls[i] = f(i)
		}
	}
	return ls
}
