package nodule

import "math/rand/v2"

// WeighLine weighs each of n values, stride apart from x[start] on, with its two
// neighbours: by 1-2w and w. Above 0 that smooths as a soft kernel does, below 0
// it sharpens; at the ends the value itself stands for the neighbour that is not
// there.
func WeighLine(x []float32, start, n, stride int, w float32) {
	before := x[start]
	for k := range n {
		at := start + k*stride
		after := x[at]
		if k < n-1 {
			after = x[at+stride]
		}
		v := x[at]
		x[at] = (1-2*w)*v + w*(before+after)
		before = v
	}
}

// keepSupport is the share of the central patch's support that a shift along z
// must keep.
const keepSupport = 0.9

// Augment draws a patch for training: shifted by up to 2 mm along each axis,
// mirrored along each axis at random, and turned by a multiple of 90° in the
// axial plane. Where the cube has data in few slices only, shifts along z that
// would lose more than a tenth of the core are not drawn. The same state of
// rng gives the same patch. Serving never augments.
func Augment(cube *Cube, rng *rand.Rand) Patch {
	const span = CubeSize - PatchSize + 1
	at := Offset{0, rng.IntN(span), rng.IntN(span)}
	shift := rng.Float64() // of those allowed; what is drawn does not depend on the cube
	bits := rng.IntN(8)
	turns := rng.IntN(4)

	least := keepSupport * float64(supportCount(cube, CentralOffset()))
	var allowed []int
	for z := range span {
		if float64(supportCount(cube, Offset{z, at[1], at[2]})) >= least {
			allowed = append(allowed, z)
		}
	}
	if len(allowed) == 0 {
		at = CentralOffset()
	} else {
		at[0] = allowed[int(shift*float64(len(allowed)))]
	}
	return turn(MakePatch(cube, at), bits&1 != 0, bits&2 != 0, bits&4 != 0, turns)
}

// supportCount is MakePatch(cube, at).Core().SupportCount() without the patches.
func supportCount(cube *Cube, at Offset) int {
	n := 0
	for z := range PatchSize {
		if !inCore(z, PatchSize/2, PatchSize/2) {
			continue
		}
		for y := range PatchSize {
			row := ((z+at[0])*CubeSize+y+at[1])*CubeSize + at[2]
			for x := range PatchSize {
				if inCore(z, y, x) && cube.Valid[row+x] {
					n++
				}
			}
		}
	}
	return n
}

// turn mirrors a patch along the axes named and turns it in-plane by quarters.
// The core is symmetric under all of it.
func turn(p Patch, flipZ, flipY, flipX bool, quarters int) Patch {
	const last = PatchSize - 1
	out := Patch{Voxels: make([]float32, PatchVoxels), Support: make([]float32, PatchVoxels)}
	for z := range PatchSize {
		for y := range PatchSize {
			for x := range PatchSize {
				sz, sy, sx := z, y, x
				for range quarters {
					sy, sx = sx, last-sy
				}
				if flipZ {
					sz = last - sz
				}
				if flipY {
					sy = last - sy
				}
				if flipX {
					sx = last - sx
				}
				dst, src := (z*PatchSize+y)*PatchSize+x, (sz*PatchSize+sy)*PatchSize+sx
				out.Voxels[dst], out.Support[dst] = p.Voxels[src], p.Support[src]
			}
		}
	}
	return out
}
