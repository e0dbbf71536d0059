package outline

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

// What phantoms teach: cubes of all Spacings, of which a data set of 32 mm has
// only the first.
const (
	teachFirst    = 301 // seed; those of the tests and of Tissue are others
	teachPhantoms = 14
	teachMasses   = 3    // cubes of each mass and spacing
	teachOff      = 0.35 // of their middles from that of the mass, of its radius at most
	teachWalls    = 5    // cubes on the chest wall, for each spacing above the first
	teachVessels  = 2
	teachLung     = 1
	teachNodules  = 2
)

// phantomSamples are cubes of phantoms with exact masks: around points in masses
// of 22 to 80 mm at every spacing, and, where voxels are larger than 1 mm, around
// smaller nodules, and on the chest wall, on vessels and in lung, where nothing is
// to be outlined. progress is told after every phantom.
func phantomSamples(ctx context.Context, progress func(done, total int)) (s samples, err error) {
	for k := range teachPhantoms {
		one, err := phantomSample(ctx, teachFirst+uint64(k)) //nolint:gosec // a few
		if err != nil {
			return nil, fmt.Errorf("phantom %d: %w", teachFirst+k, err)
		}
		s = append(s, one...)
		if progress != nil {
			progress(k+1, teachPhantoms)
		}
	}
	return s, nil
}

func phantomSample(ctx context.Context, seed uint64) (s samples, err error) {
	rng := rand.New(rand.NewPCG(seed, 7))
	const slices = 110
	p, err := phantom.Generate(phantom.Spec{Seed: seed, Slices: slices, Rows: 256, SpacingMM: [3]float64{2.5, 1.4, 1.4},
		Nodules: []phantom.Nodule{
			{ID: "mass", Kind: phantom.Mass, DiameterMM: 22 + 58*rng.Float64()},
			{ID: "solid", Kind: phantom.Solid}, {ID: "spiculated", Kind: phantom.Spiculated}, {ID: "small", Kind: phantom.SmallSolid},
		}})
	if err != nil {
		return nil, err
	}
	scan, err := p.HU(ctx, 0, slices)
	if err != nil {
		return nil, err
	}
	cut := func(spacing float64, id string, at dicomio.Vec) error {
		cuts, err := pointsIn(p.Geometry(), held{scan}, []dicomio.Vec{at})(ctx, []Place{{SpacingMM: spacing}})
		if err != nil || cuts[0].Err != nil {
			return err // beyond the scan: left out
		}
		image, _ := nodule.Whole(cuts[0].Cube)
		mask := make([]bool, voxels)
		if id != "" {
			corner := at.Sub(dicomio.Vec{middle * spacing, middle * spacing, middle * spacing})
			if mask, err = p.Mask(id, corner, [3]float64{spacing, spacing, spacing}, [3]int{edge, edge, edge}); err != nil {
				return err
			}
		}
		s = append(s, outlined{image: image, mask: mask, fixed: true})
		return nil
	}
	nodules := p.Nodules()
	for _, spacing := range Spacings {
		for k := range teachMasses {
			d, off := direction(rng), rng.Float64()*teachOff*nodules[0].DiameterMM/2
			if k == 0 {
				off = 0
			}
			if err := cut(spacing, "mass", nodules[0].PositionLPS.Add(dicomio.Vec(d).Scale(off))); err != nil {
				return nil, err
			}
		}
		if spacing == Spacings[0] {
			continue
		}
		for range teachNodules {
			n := nodules[1+rng.IntN(len(nodules)-1)]
			if err := cut(spacing, n.ID, n.PositionLPS.Add(dicomio.Vec(direction(rng)).Scale(2*rng.Float64()))); err != nil {
				return nil, err
			}
		}
		for _, site := range []struct {
			site phantom.Site
			n    int
		}{{phantom.OnChestWall, teachWalls}, {phantom.OnVessel, teachVessels}, {phantom.InParenchyma, teachLung}} {
			points, err := p.Points(site.site, site.n, seed+uint64(spacing))
			if err != nil {
				return nil, err
			}
			for _, at := range points {
				if err := cut(spacing, "", at); err != nil {
					return nil, err
				}
			}
		}
	}
	return s, nil
}
