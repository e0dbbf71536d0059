package phantom

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
)

// Phantom is a synthetic chest CT. It holds shapes, not voxels: slices are
// rendered when they are asked for, in any order. It is safe for concurrent
// use.
type Phantom struct {
	spec     Spec
	digest   [sha256.Size]byte
	patient  [sha256.Size]byte // digest of the patient's first scan
	geometry dicomio.Geometry
	anatomy  *anatomy
	nodules  []Nodule
	painted  paint
}

// streams of random numbers that do not disturb each other.
const (
	streamAnatomy = iota
	streamTrees
	streamPlaces
	streamShapes
	streamNames
	streamNoise
	streamPoints
	streamLater
)

func (p *Phantom) rng(stream, item uint64) *rand.Rand { return seeded(p.spec.Seed, stream, item) }

// noise is drawn anew for every scan of a patient.
func (p *Phantom) noise(z int) *rand.Rand {
	stream := uint64(streamNoise)
	if p.spec.FollowUp != nil {
		stream = streamLater
	}
	return p.rng(stream, uint64(z))
}

func seeded(seed, stream, item uint64) *rand.Rand {
	var b [24]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	binary.LittleEndian.PutUint64(b[8:], stream)
	binary.LittleEndian.PutUint64(b[16:], item)
	h := sha256.Sum256(b[:])
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:])))
}

// Generate makes the phantom of a spec. It refuses a spec that is out of
// range, and one whose nodules find no place: outside the lungs or the scan,
// or on top of each other.
func Generate(spec Spec) (*Phantom, error) {
	p := &Phantom{spec: spec.withDefaults()}
	if err := p.spec.validate(); err != nil {
		return nil, fmt.Errorf("phantom: %w", err)
	}
	var err error
	if p.digest, err = p.spec.digest(); err != nil {
		return nil, fmt.Errorf("phantom: %w", err)
	}
	first := p.spec
	first.FollowUp = nil
	if p.patient, err = first.digest(); err != nil {
		return nil, fmt.Errorf("phantom: %w", err)
	}
	p.geometry = newGeometry(p.spec)
	p.anatomy = newAnatomy(p.rng(streamAnatomy, 0))
	t := newTrees(p.anatomy, p.rng(streamTrees, 0))
	if p.nodules, err = place(p, t.vessels); err != nil {
		return nil, fmt.Errorf("phantom: %w", err)
	}
	bodies := make([]body, len(p.nodules))
	for i, n := range p.nodules {
		bodies[i] = newBody(n, p.rng(streamShapes, uint64(i)))
	}
	p.painted = newPaint(p.geometry, t, bodies)
	return p, nil
}

// newGeometry centres the volume on the origin of patient coordinates.
func newGeometry(s Spec) dicomio.Geometry {
	sin, cos := math.Sincos(s.TiltDeg * math.Pi / 180)
	if s.TiltDeg == 0 {
		sin, cos = 0, 1
	}
	g := dicomio.Geometry{
		Slices: s.Slices, Rows: s.Rows, Cols: s.Cols,
		ColStep:   vec{s.SpacingMM[2], 0, 0},
		RowStep:   vec{0, s.SpacingMM[1] * cos, s.SpacingMM[1] * sin},
		Line:      vec{0, 0, 1},
		Normal:    vec{0, -sin, cos},
		Offsets:   make([]float64, s.Slices),
		SpacingMM: s.SpacingMM,
		TiltDeg:   math.Abs(s.TiltDeg),
	}
	for i := range g.Offsets {
		g.Offsets[i] = float64(i) * s.SpacingMM[0] / cos
	}
	middle := g.ToLPS([3]float64{float64(s.Slices-1) / 2, float64(s.Rows-1) / 2, float64(s.Cols-1) / 2})
	g.Origin = middle.Scale(-1)
	return g
}

// Spec is the spec with its defaults filled in. Its nodules are as they were
// asked for; Nodules tells where they are.
func (p *Phantom) Spec() Spec { return p.spec }

// Geometry maps voxels to patient coordinates, as a reader of the written
// series finds it.
func (p *Phantom) Geometry() dicomio.Geometry {
	g := p.geometry
	g.Offsets = append([]float64(nil), g.Offsets...)
	return g
}

// Nodules is the truth.
func (p *Phantom) Nodules() []Nodule { return append([]Nodule{}, p.nodules...) }

// Candidates is the truth as a perfect detector would report it.
func (p *Phantom) Candidates() []nodule.Candidate {
	cs := make([]nodule.Candidate, len(p.nodules))
	for i, n := range p.nodules {
		cs[i] = nodule.Candidate{ID: n.ID, PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM}
	}
	return cs
}

// HU renders slices first..first+count-1, so that a phantom stands in for a
// series that was read from disk. It implements dicomio.Decoder.
func (p *Phantom) HU(ctx context.Context, first, count int) (*dicomio.Block, error) {
	g := &p.geometry
	if first < 0 || count < 1 || first > g.Slices-count {
		return nil, fmt.Errorf("phantom: slices %d to %d asked of %d", first, first+count-1, g.Slices)
	}
	n := g.Rows * g.Cols
	b := &dicomio.Block{
		First: first, Count: count, Rows: g.Rows, Cols: g.Cols,
		HU: make([]float32, count*n), Padding: make([]bool, count*n),
	}
	slice := make([]int16, n)
	for i := range count {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("phantom: render: %w", err)
		}
		p.Slice(first+i, slice)
		for j, v := range slice {
			b.HU[i*n+j] = float32(v)
			b.Padding[i*n+j] = p.spec.PaddingValue != nil && int(v) == *p.spec.PaddingValue+rescaleIntercept
		}
	}
	return b, nil
}
