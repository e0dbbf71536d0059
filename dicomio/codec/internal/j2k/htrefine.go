package j2k

// refine is the magnitude refinement pass (T.814 7.5): one bit for every sample
// that the cleanup pass made significant, in stripes of four rows, column by
// column, from the end of the code.
func (h *htDecoder) refine(code []byte, data []int32, width, height, plane int) {
	h.mag = lowBits{code: code, backward: true, stuffed: true}
	for top := 0; top < height; top += 4 {
		end := min(top+4, height) * width
		for x := range width {
			h.mag.need()
			for i := top*width + x; i < end; i += width {
				if data[i] == 0 {
					continue
				}
				if h.mag.take(1) == 0 {
					data[i] ^= 1 << plane
				}
				data[i] |= 1 << (plane - 1)
			}
		}
	}
}

// propagate is the significance propagation pass (T.814 7.4): for every sample that
// is zero and has a neighbour that is not, whether it becomes significant; of
// four columns at a time, whose signs follow. In causal code no sample looks into
// the stripe below.
func (h *htDecoder) propagate(code []byte, data []int32, width, height, plane int, causal bool) {
	line := width + 2
	h.significant = resize(h.significant, line*(height+2))
	for y := range height {
		to := h.significant[(y+1)*line+1:]
		for x, v := range data[y*width:][:width] {
			if v != 0 {
				to[x] = 1
			}
		}
	}
	h.mag = lowBits{code: code}
	for top := 0; top < height; top += 4 {
		for left := 0; left < width; left += 4 {
			h.mag.need() // 16 samples and 16 signs at most
			h.fresh = h.fresh[:0]
			for x := left; x < min(left+4, width); x++ {
				for y := top; y < min(top+4, height); y++ {
					s := h.significant[y*line+x:][:2*line+3]
					any := s[0] | s[1] | s[2] | s[line] | s[line+2]
					if y < top+3 || !causal {
						any |= s[2*line] | s[2*line+1] | s[2*line+2]
					}
					if any == 0 || s[line+1] != 0 {
						continue
					}
					if h.mag.take(1) == 1 {
						s[line+1] = 1
						h.fresh = append(h.fresh, y*width+x)
					}
				}
			}
			for _, i := range h.fresh {
				if data[i] = 3 << (plane - 1); h.mag.take(1) == 1 {
					data[i] |= signBit
				}
			}
		}
	}
}
