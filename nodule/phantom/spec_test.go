package phantom

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestZeroSpecIsAWholeChest(t *testing.T) {
	s := Spec{}.withDefaults()
	if s.Slices < 120 || s.Rows != 512 || s.Cols != 512 || s.SpacingMM != [3]float64{2.5, 0.7, 0.7} || s.NoiseHU != 18 {
		t.Errorf("defaults are %+v", s)
	}
	var got []Kind
	for _, n := range s.Nodules {
		got = append(got, n.Kind)
	}
	if diff := cmp.Diff(kinds[:], got); diff != "" {
		t.Errorf("not one nodule of each kind (-want +got):\n%s", diff)
	}
	if err := s.validate(); err != nil {
		t.Error(err)
	}
}

func TestDefaultsAreFilledInOnce(t *testing.T) {
	for _, s := range []Spec{{}, {Count: -1, NoiseHU: -7}, {Cols: 64, Count: 3}, Small(3)} {
		once := s.withDefaults()
		if diff := cmp.Diff(once, once.withDefaults()); diff != "" {
			t.Errorf("filling in defaults again changes the spec (-once +twice):\n%s", diff)
		}
	}
}

func TestSpecRefusals(t *testing.T) {
	nan, far, pad := math.NaN(), 1e9, 1<<20
	inLung := vec{75, 10, 0}
	for name, c := range map[string]struct {
		spec Spec
		want string
	}{
		"one slice":         {Spec{Slices: 1}, "1 slices"},
		"huge matrix":       {Spec{Rows: 5000}, "5000 x 5000"},
		"too many voxels":   {Spec{Slices: 2000, Rows: 2048}, "voxels"},
		"tilt":              {Spec{TiltDeg: 45}, "tilt of 45"},
		"tilt not a number": {Spec{TiltDeg: nan}, "tilt of NaN"},
		"spacing":           {Spec{SpacingMM: [3]float64{-1, 1, 1}}, "spacing of -1"},
		"noise":             {Spec{NoiseHU: nan}, "noise of NaN"},
		"kernel":            {Spec{Kernel: "B99"}, `kernel "B99"`},
		"growth":            {Spec{FollowUp: &FollowUp{VolumeFactor: nan, Days: 90}}, "volumes times NaN"},
		"same day":          {Spec{FollowUp: &FollowUp{VolumeFactor: 2}}, "0 days later"},
		"padding value":     {Spec{PaddingValue: &pad}, "padding value 1048576"},
		"too many nodules":  {Spec{Count: 1 << 40}, "more than 64"},
		"unknown kind":      {Spec{Nodules: []Nodule{{Kind: "cyst"}}}, `kind "cyst"`},
		"diameter":          {Spec{Nodules: []Nodule{{Kind: Solid, DiameterMM: 90}}}, "diameter of 90"},
		"far position":      {Spec{Nodules: []Nodule{{Kind: Solid, PositionLPS: vec{far, 0, 0}}}}, "coordinate of 1e+09"},
		"NaN position":      {Spec{Nodules: []Nodule{{Kind: Solid, PositionLPS: vec{nan, 0, 0}}}}, "coordinate of NaN"},
		"outside the lungs": {Spec{Nodules: []Nodule{{Kind: Solid, PositionLPS: vec{0, 60, 0}}}}, "outside the lungs"},
		"outside the scan":  {Spec{Slices: 10, Nodules: []Nodule{{Kind: Solid, PositionLPS: vec{75, 10, 40}}}}, "outside the scan"},
		"unprintable id":    {Spec{Nodules: []Nodule{{Kind: Solid, ID: "a\nb"}}}, "nodule 1"},
		"same id":           {Spec{Nodules: []Nodule{{Kind: Solid, ID: "a"}, {Kind: Solid, ID: "a"}}}, "unique"},
		"overlap": {Spec{Nodules: []Nodule{
			{Kind: Solid, PositionLPS: inLung, DiameterMM: 10}, {Kind: Solid, PositionLPS: inLung.Add(vec{4, 0, 0}), DiameterMM: 10},
		}}, "overlap"},
		"no room": {Spec{Slices: 8}, "no room"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Generate(c.spec)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestDigestFollowsEveryField(t *testing.T) {
	pad := -2000
	seen := map[[32]byte]int{}
	for i, s := range []Spec{
		{}, {Seed: 1}, {Slices: 64}, {Rows: 256}, {Rows: 512, Cols: 256}, {SpacingMM: [3]float64{1, 0, 0}},
		{TiltDeg: 1}, {NoiseHU: 1}, {NoiseHU: -1}, {Kernel: Sharp},
		{FollowUp: &FollowUp{1, 90}}, {FollowUp: &FollowUp{2, 90}}, {PaddingValue: &pad}, {Count: 1}, {Count: -1},
		{Nodules: []Nodule{{Kind: Solid, ID: "x"}}}, {Nodules: []Nodule{{Kind: Solid, DiameterMM: 9}}},
	} {
		d, err := s.withDefaults().digest()
		if err != nil {
			t.Fatal(err)
		}
		if j, ok := seen[d]; ok {
			t.Errorf("specs %d and %d have one digest, and would share UIDs", j, i)
		}
		seen[d] = i
	}
}

func TestSmallFindsRoomForEverySeed(t *testing.T) {
	for seed := range uint64(40) {
		p, err := Generate(Small(seed))
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		for i, n := range p.nodules {
			for _, m := range p.nodules[:i] {
				if overlap(n, m, apart-0.1) {
					t.Errorf("seed %d: %s and %s are closer than %d mm", seed, m.ID, n.ID, apart)
				}
			}
		}
	}
}
