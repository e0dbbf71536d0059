package codec

// huffman is a table of annex C, looked up by the next bits.
type huffman struct {
	fast    [256]uint16 // length<<8 | symbol for codes of up to 8 bits
	first   [17]int     // first code of every length
	last    [17]int     // last code of every length, -1: none
	offset  [17]int
	symbols []byte
}

// jpegBits reads the entropy-coded bits of a scan.
type jpegBits struct {
	code  []byte
	bits  uint64 // not used yet, in the low end
	count int
	spent bool // the code has no more bits
}

// resync goes on behind a restart marker.
func (d *jpegBits) resync() (err error) {
	d.bits, d.count = 0, 0
	d.code, err = afterRestart(d.code)
	return err
}

// huffmanTables reads DHT (T.81 B.2.4.2, C.2) into tables, of which those of
// differences come first, then those of other coefficients.
func huffmanTables(b []byte, tables []*huffman) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return jpegBroken("a Huffman table is cut")
		}
		id, n := b[0], 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if id&0xEC != 0 || int(id>>2|id&3) >= len(tables) || n > 256 || len(b) < 17+n {
			return jpegBroken("a Huffman table is wrong")
		}
		t := &huffman{symbols: b[17 : 17+n]}
		code, k := 0, 0
		for size := 1; size <= 16; size++ {
			c := int(b[size])
			t.first[size], t.offset[size], t.last[size] = code, k, code+c-1
			if code+c > 1<<size {
				return jpegBroken("a Huffman table is wrong")
			}
			for i := 0; i < c && size <= 8; i++ {
				for j := range 1 << (8 - size) {
					t.fast[(code+i)<<(8-size)+j] = uint16(size)<<8 | uint16(t.symbols[k+i])
				}
			}
			code, k = (code+c)<<1, k+c
		}
		tables[id>>2|id&3] = t
		b = b[17+n:]
	}
	return nil
}

// fill takes bytes until 32 bits are there, or the next marker is reached;
// zeros stand in behind the end, which take marks as spent.
func (d *jpegBits) fill() {
	for d.count <= 32 && len(d.code) > 0 {
		b := d.code[0]
		if b == 0xFF {
			if len(d.code) < 2 || d.code[1] != 0 {
				return
			}
			d.code = d.code[1:]
		}
		d.code = d.code[1:]
		d.bits, d.count = d.bits<<8|uint64(b), d.count+8
	}
}

// take removes n bits (at most 16).
func (d *jpegBits) take(n int) int {
	if d.count < n {
		d.fill()
		if d.count < n {
			d.spent = true
			return 0
		}
	}
	d.count -= n
	return int(d.bits>>d.count) & (1<<n - 1)
}

// symbol decodes one Huffman code; -1 where there is none.
func (d *jpegBits) symbol(t *huffman) int {
	if d.count < 16 {
		d.fill()
	}
	var ahead int // next 16 bits, ones behind the end
	if d.count >= 16 {
		ahead = int(d.bits>>(d.count-16)) & 0xFFFF
	} else {
		miss := 16 - d.count
		ahead = int(d.bits<<miss|(1<<miss-1)) & 0xFFFF
	}
	size, value := 0, -1
	if e := t.fast[ahead>>8]; e != 0 {
		size, value = int(e>>8), int(e&0xFF)
	} else {
		for n := 9; n <= 16; n++ {
			if c := ahead >> (16 - n); c <= t.last[n] && c >= t.first[n] {
				size, value = n, int(t.symbols[t.offset[n]+c-t.first[n]])
				break
			}
		}
	}
	if value < 0 && d.count >= 16 {
		return -1
	}
	if value < 0 || size > d.count {
		d.spent = true
		return 0
	}
	d.count -= size
	return value
}

// difference decodes one difference (T.81 H.1.2.2); 16 bits stand for 32768.
func (d *jpegBits) difference(t *huffman) (int, bool) {
	n := d.symbol(t)
	switch {
	case n < 0 || n > 16:
		return 0, false
	case n == 0:
		return 0, true
	case n == 16:
		return 1 << 15, true
	}
	v := d.take(n)
	if v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v, true
}
