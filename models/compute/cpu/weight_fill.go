package cpu

import "github.com/nodulescope/nodulescope/models/compute"

// fillPlane copies plane z of a sample of the group to the grid.
func (k *weightTiles) fillPlane(sample, z int) {
	volume, plane := k.in.Volume(), len(k.plane)
	src := k.xIn[(k.first+sample)*k.chans*volume+z*plane:]
	k.set.Transpose(k.chans, plane, src, volume, k.grid[k.at(sample, compute.Axes{z + k.before[0]}):], k.plane)
}

// fillChannel copies a channel of a sample of the group to the grid.
func (k *weightTiles) fillChannel(sample, c int) {
	n := k.in[2]
	src := k.xIn[((k.first+sample)*k.chans+c)*k.in.Volume():]
	dst := k.grid[(sample*k.chans+c)*k.size.Volume():]
	for z := range k.in[0] {
		for y := range k.in[1] {
			o := ((z+k.before[0])*k.size[1]+y+k.before[1])*k.size[2] + k.before[2]
			copy(dst[o:o+n], src[(z*k.in[1]+y)*n:])
		}
	}
}

// fillWindows copies what the positions of plane z of the rows meet.
func (k *weightTiles) fillWindows(sample, z int) {
	grid := k.grid[sample*k.chans*k.size.Volume():]
	for i := range k.panels {
		p, b := &k.parts[i], &k.panels[i]
		qz := z - p.from[0]
		if qz < 0 || qz >= p.count[0] {
			continue
		}
		dst := b.right[(sample*p.count[0]+qz)*p.count[1]*p.count[2]*k.pitch:]
		for qy := range p.count[1] {
			src := grid[(k.stride[0]*qz*k.size[1]+k.stride[1]*qy)*k.size[2]:]
			for range p.count[2] {
				for _, e := range b.pieces {
					*(*[4]float32)(dst[e.col:]) = *(*[4]float32)(src[e.from:])
				}
				src, dst = src[k.stride[2]:], dst[k.pitch:]
			}
		}
	}
}

// place hands the columns of a row from column first on to the part.
func (k *weightTiles) place(p *weightPart, row, start, first int, v []float32) {
	if !k.few {
		p.place(k.dwOut, row, first, start, v[:min(len(v), k.chans-first)])
		return
	}
	for j := range min(len(v), k.chans*len(p.starts)-first) {
		p.place(k.dwOut, row, (first+j)/len(p.starts), (first+j)%len(p.starts), v[j:j+1])
	}
}

// fillRows packs a row tile of a sample of the group.
func (k *weightTiles) fillRows(sample, t int) {
	volume, rows := k.out.Volume(), k.tile.Rows
	src := k.rIn[((k.first+sample)*k.rows+t*rows)*volume:]
	n := min(rows, k.rows-t*rows)
	for i := range k.panels {
		b := &k.panels[i]
		dst := b.left[(t*len(b.off)+sample*b.volume)*rows:]
		r := 0
		for ; r+4 <= n; r += 4 { // stores that lie side by side
			o := r
			for _, from := range b.runs {
				p, q := src[r*volume+from:][:b.along], src[(r+1)*volume+from:][:b.along]
				s, u := src[(r+2)*volume+from:][:b.along], src[(r+3)*volume+from:][:b.along]
				for i := range p {
					d := dst[o : o+4 : o+4]
					d[0], d[1], d[2], d[3] = p[i], q[i], s[i], u[i]
					o += rows
				}
			}
		}
		for ; r < n; r++ {
			o := r
			for _, from := range b.runs {
				for _, v := range src[r*volume+from:][:b.along] {
					dst[o] = v
					o += rows
				}
			}
		}
	}
}
