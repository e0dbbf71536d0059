package nodule

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"
)

// testCube has HU that differ from voxel to voxel, valid where keep says.
func testCube(keep func(z, y, x int) bool) *Cube {
	c := &Cube{HU: make([]float32, CubeVoxels), Valid: make([]bool, CubeVoxels)}
	for i := range c.HU {
		c.HU[i] = float32(i%1400) - 1000
		c.Valid[i] = keep == nil || keep(i/1024, i/32%32, i%32)
	}
	return c
}

func TestCoreOfAPatch(t *testing.T) {
	cube := testCube(nil)
	for _, at := range []Offset{{2, 2, 2}, {0, 4, 1}, {4, 0, 3}} {
		whole := MakePatch(cube, at)
		if whole.SupportCount() != PatchVoxels {
			t.Errorf("%d voxels count of a cube that is complete", whole.SupportCount())
		}
		for i, v := range whole.Voxels {
			if hu := cube.HU[((i/784+at[0])*32+i/28%28+at[1])*32+i%28+at[2]]; v != float32((float64(hu)+1000)/1400) {
				t.Fatalf("offset %v, voxel %d: %g of %g HU", at, i, v, hu)
			}
		}
		p := whole.Core()
		for i := range p.Voxels {
			z, y, x := i/784, i/28%28, i%28
			dy, dx := float64(y)-13.5, float64(x)-13.5
			want := float32(0)
			if z >= 11 && z <= 16 && dy*dy+dx*dx <= 144 {
				want = 1
			}
			if p.Support[i] != want {
				t.Fatalf("offset %v, voxel %d %d %d: support %g, want %g", at, z, y, x, p.Support[i], want)
			}
			value := float32(Outside)
			if want == 1 {
				hu := cube.HU[((z+at[0])*32+y+at[1])*32+x+at[2]]
				value = float32((float64(hu) + 1000) / 1400)
			}
			if p.Voxels[i] != value {
				t.Fatalf("offset %v, voxel %d %d %d: %g, want %g", at, z, y, x, p.Voxels[i], value)
			}
		}
		if p.SupportCount() != CoreCount() {
			t.Errorf("support %d, core %d", p.SupportCount(), CoreCount())
		}
	}
	// A disc of radius 12 has an area of 452.4; 6 planes of it.
	if n := CoreCount(); n%6 != 0 || math.Abs(float64(n)-6*452.4) > 60 {
		t.Errorf("the core has %d voxels", n)
	}
}

func TestPatchDoesNotSeeWhatDoesNotCount(t *testing.T) {
	a := testCube(func(z, _, _ int) bool { return z >= 13 && z < 17 })
	b := testCube(func(z, _, _ int) bool { return z >= 13 && z < 17 })
	for i := range b.HU {
		if z := i / 1024; z < 13 || z >= 17 {
			b.HU[i] = 300
		}
	}
	if Central(a).Digest() != Central(b).Digest() {
		t.Error("voxels without data change the patch")
	}
	b.HU[(15*32+15)*32+15] += 10
	if Central(a).Digest() == Central(b).Digest() {
		t.Error("a voxel of the support does not change the digest")
	}
	c := testCube(func(z, _, _ int) bool { return z >= 13 && z < 16 })
	for i := range c.HU { // same voxels, other support
		c.HU[i] = InvalidHU
	}
	d := testCube(nil)
	for i := range d.HU {
		d.HU[i] = InvalidHU
	}
	if Central(c).Digest() == Central(d).Digest() {
		t.Error("the support does not change the digest")
	}
}

func TestDigestIsStable(t *testing.T) {
	// Seeds of scores depend on it. The value is sha256 of 2 x 28³ little-endian
	// float32, computed once with NumPy from the definition.
	sum := Central(testCube(nil)).Core().Digest()
	const want = "f810df9107c8cb1ff60a553f2c2b852c1e7863a34b691106e518f6cc759606ba"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("digest is %s, want %s", got, want)
	}
}

func TestNormalise(t *testing.T) {
	for _, c := range []struct{ hu, want float32 }{
		{-3000, 0}, {-1024, 0}, {-1000, 0}, {-300, 0.5}, {400, 1}, {3071, 1},
		{float32(math.NaN()), 0}, {float32(math.Inf(1)), 1}, {float32(math.Inf(-1)), 0},
	} {
		if got := normalise(c.hu); got != c.want {
			t.Errorf("normalise(%g) = %g, want %g", c.hu, got, c.want)
		}
	}
}

func TestCheckSupport(t *testing.T) {
	if err := Central(testCube(nil)).CheckSupport(); err != nil {
		t.Fatal(err)
	}
	two := Central(testCube(func(z, _, _ int) bool { return z == 15 || z == 16 })) // a third
	if err := two.CheckSupport(); err != nil {
		t.Errorf("a third of the core: %v", err)
	}
	one := Central(testCube(func(z, _, _ int) bool { return z == 15 })) // a sixth
	wantCode(t, one.CheckSupport(), CodeSupportTooSmall)
}

func TestMakePatchPanicsOnMisuse(t *testing.T) {
	for name, f := range map[string]func(){
		"offset 5":   func() { MakePatch(testCube(nil), Offset{5, 0, 0}) },
		"offset -1":  func() { MakePatch(testCube(nil), Offset{0, -1, 0}) },
		"empty cube": func() { MakePatch(&Cube{}, CentralOffset()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			f()
		}()
	}
}

func TestAugmentIsDeterministicAndVaries(t *testing.T) {
	cube := testCube(nil)
	seen := map[[32]byte]bool{}
	a, b := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	for range 60 {
		p := Augment(cube, a)
		if p.Digest() != Augment(cube, b).Digest() {
			t.Fatal("the same state gave two patches")
		}
		if p.SupportCount() != PatchVoxels || p.Core().SupportCount() != CoreCount() {
			t.Fatalf("support %d, %d of %d of the core", p.SupportCount(), p.Core().SupportCount(), CoreCount())
		}
		seen[p.Digest()] = true
	}
	if len(seen) < 50 { // of 5³ x 16 that there are
		t.Errorf("%d different patches of 60", len(seen))
	}
}

func TestAugmentKeepsTheSupportOfThinNodules(t *testing.T) {
	for height := 1; height <= 12; height++ {
		cube := testCube(func(z, _, _ int) bool { return z >= 16-height/2-height%2 && z < 16+height/2 })
		least := 0.9 * float64(Central(cube).Core().SupportCount())
		rng := rand.New(rand.NewPCG(3, uint64(height)))
		offsets := map[int]bool{}
		for range 40 {
			p := Augment(cube, rng).Core()
			if n := p.SupportCount(); float64(n) < least {
				t.Fatalf("%d slices: support %d, the central patch has %g / 0.9", height, n, least)
			}
			offsets[supportTop(p)] = true
		}
		if height == 2 && len(offsets) < 2 {
			t.Error("a nodule of two slices is never shifted along z")
		}
	}
}

// supportTop is the first plane with support.
func supportTop(p Patch) int {
	for i, s := range p.Support {
		if s != 0 {
			return i / 784
		}
	}
	return -1
}

func TestTurn(t *testing.T) {
	p := Patch{Voxels: make([]float32, PatchVoxels), Support: make([]float32, PatchVoxels)}
	for i := range p.Voxels {
		p.Voxels[i], p.Support[i] = float32(i), float32(i)
	}
	at := func(p Patch, z, y, x int) float32 { return p.Voxels[(z*28+y)*28+x] }
	for _, c := range []struct {
		name    string
		got     Patch
		z, y, x int // where voxel (1, 2, 3) has gone
	}{
		{"nothing", turn(p, false, false, false, 0), 1, 2, 3},
		{"flip z", turn(p, true, false, false, 0), 26, 2, 3},
		{"flip y", turn(p, false, true, false, 0), 1, 25, 3},
		{"flip x", turn(p, false, false, true, 0), 1, 2, 24},
		{"half turn", turn(p, false, false, false, 2), 1, 25, 24},
	} {
		if got := at(c.got, c.z, c.y, c.x); got != at(p, 1, 2, 3) {
			t.Errorf("%s: voxel %g", c.name, got)
		}
		if c.got.Support[77] != c.got.Voxels[77] {
			t.Errorf("%s: support and voxels part", c.name)
		}
	}
	q := p
	for range 4 {
		q = turn(q, false, false, false, 1)
	}
	once := turn(p, false, false, false, 1)
	if q.Digest() != p.Digest() || once.Digest() == p.Digest() {
		t.Error("four quarter turns are not one whole")
	}
}
