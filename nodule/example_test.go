package nodule_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
)

// ball is a volume of air with a ball of soft tissue of 8 mm radius around the
// origin. A *dicomio.Series takes its place where there are files.
type ball struct{ dicomio.Geometry }

func newBall() ball {
	g := dicomio.Geometry{
		Slices: 40, Rows: 96, Cols: 96,
		Origin:  dicomio.Vec{-33.25, -33.25, -39},
		ColStep: dicomio.Vec{0.7, 0, 0}, RowStep: dicomio.Vec{0, 0.7, 0},
		Line: dicomio.Vec{0, 0, 1}, Normal: dicomio.Vec{0, 0, 1},
		SpacingMM: [3]float64{2, 0.7, 0.7},
	}
	for i := range g.Slices {
		g.Offsets = append(g.Offsets, 2*float64(i))
	}
	return ball{g}
}

func (b ball) HU(_ context.Context, first, count int) (*dicomio.Block, error) {
	block := &dicomio.Block{First: first, Count: count, Rows: b.Rows, Cols: b.Cols}
	for z := first; z < first+count; z++ {
		for y := range b.Rows {
			for x := range b.Cols {
				p := b.ToLPS([3]float64{float64(z), float64(y), float64(x)})
				hu := float32(-850)
				if p[0]*p[0]+p[1]*p[1]+p[2]*p[2] < 8*8 {
					hu = 40
				}
				block.HU = append(block.HU, hu)
			}
		}
	}
	return block, nil
}

// From candidates to patches. One candidate lies outside of the scan.
func ExampleCutter_CutAll() {
	series := newBall() // or dicomio.OpenSeries(ctx, dir, uid, dicomio.Options{})
	cutter, err := nodule.NewCutter(series.Geometry, series, nodule.CutOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := cutter.CutAll(context.Background(), []nodule.Candidate{
		{ID: "a", PositionLPS: dicomio.Vec{0, 0, 0}, DiameterMM: 16},
		{ID: "b", PositionLPS: dicomio.Vec{0, 0, 300}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		if r.Err != nil {
			fmt.Println(r.Candidate.ID, nodule.CodeOf(r.Err))
			continue
		}
		patch := nodule.Central(r.Cube)
		middle := (14*nodule.PatchSize+14)*nodule.PatchSize + 14
		fmt.Printf("%s padding %g %%, %d voxels count, middle %.3f\n",
			r.Candidate.ID, r.PaddingPct, patch.SupportCount(), patch.Voxels[middle])
	}
	// Output:
	// a padding 0 %, 21952 voxels count, middle 0.743
	// b candidate_outside_scan
}

func ExampleCutter_Cut() {
	series := newBall()
	cutter, err := nodule.NewCutter(series.Geometry, series, nodule.CutOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = cutter.Cut(context.Background(), nodule.Candidate{ID: "a", PositionLPS: dicomio.Vec{0, 0, 38}})
	var e *nodule.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code)
		fmt.Println(e.Hint)
	}
	// Output:
	// cube_padding
	// 43.8 % of the cube has no data and the limit is 25 %; the candidate is too near to the border of the scan
}

func ExampleMakePatch() {
	cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range cube.HU {
		cube.HU[i] = -300
		cube.Valid[i] = i/(nodule.CubeSize*nodule.CubeSize) >= 16 // the upper half has data
	}
	patch := nodule.MakePatch(cube, nodule.CentralOffset())
	fmt.Println(patch.SupportCount(), "of", nodule.PatchVoxels, "voxels count,", patch.Core().SupportCount(), "of", nodule.CoreCount(), "of the core")
	fmt.Println(patch.Voxels[(15*nodule.PatchSize+14)*nodule.PatchSize+14], "above,", patch.Voxels[(12*nodule.PatchSize+14)*nodule.PatchSize+14], "below")
	// Output:
	// 10976 of 21952 voxels count, 1344 of 2688 of the core
	// 0.5 above, 0.5 below
}

func ExampleAugment() {
	cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range cube.HU {
		cube.HU[i], cube.Valid[i] = float32(i%1000)-900, true
	}
	a := nodule.Augment(cube, rand.New(rand.NewPCG(1, 2)))
	b := nodule.Augment(cube, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(a.Digest() == b.Digest(), a.Digest() == nodule.Central(cube).Digest())
	// Output: true false
}

func ExampleReadCandidates() {
	series := &dicomio.Series{SeriesUID: "1.2.3"} // as opened by dicomio
	for _, text := range []string{
		`{"series_uid":"1.2.3","nodules":[{"id":"a","position_lps_mm":[56.2,86.3,-115.9],"diameter_mm":23.4}]}`,
		"seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,10,20,-30,6.5\n1.2.4,1,2,3,4\n",
		`[{"id":"a","position_lps_mm":[56.2,86.3]}]`,
	} {
		file, err := nodule.ReadCandidates(strings.NewReader(text))
		if err != nil {
			fmt.Println(err)
			continue
		}
		candidates, skipped, err := file.In(series)
		fmt.Println(file.Kind, file.SeriesUIDs, candidates, skipped, err)
	}
	// Output:
	// json [1.2.3] [{a [56.2 86.3 -115.9] 23.4 0}] [] <nil>
	// luna16 [1.2.3 1.2.4] [{luna-1 [10 20 -30] 6.5 0}] [{a row of another series 1}] <nil>
	// parse candidates: candidate 1 of 1 has 2 coordinates; give position_lps_mm as [x, y, z] (candidate_file_invalid)
}

func ExampleSplitByPatient() {
	ds := &nodule.Dataset{}
	for i := range 1000 {
		ds.Samples = append(ds.Samples, nodule.Sample{Patient: fmt.Sprintf("patient %d", i/2), Malignancy: 2, Label: nodule.LabelOf(2)})
	}
	split, err := nodule.SplitByPatient(ds, 1, nodule.Fractions{Train: 0.7, Calibration: 0.1, Test: 0.2}, nodule.HeldOutPatients())
	if err != nil {
		fmt.Println(err)
		return
	}
	sides := map[string]int{}
	for i, d := range []*nodule.Dataset{split.Train, split.Calibration, split.Test} {
		for _, s := range d.Samples {
			sides[s.Patient] |= 1 << i
		}
	}
	both := 0
	for _, s := range sides {
		if s&(s-1) != 0 {
			both++
		}
	}
	fmt.Println(len(sides), "patients,", both, "on two sides,", len(split.Validation.Samples), "samples to validate")
	// Output: 500 patients, 0 on two sides, 0 samples to validate
}

// A data set from a file, split, and the patch that a network trains on.
func ExampleLoadNPZ() {
	ds, err := nodule.LoadNPZ("nodules.npz")
	if err != nil {
		fmt.Println(nodule.CodeOf(err))
		return
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range ds.Samples {
		_ = nodule.Augment(ds.Samples[i].Cube(), rng)
	}
	// Output: dataset_invalid
}
