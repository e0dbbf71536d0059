package experiment

import (
	"fmt"
	"slices"
	"sort"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

// What figures show.
const (
	shownSamples  = 24  // of a generator
	spreadSamples = 64  // whose distances measure mode collapse
	shownSteps    = 8   // of an interpolation
	shownCurves   = 100 // searches per class that are kept
)

// colAnomaly is the first column of the file of search curves: 0 or 1.
const colAnomaly = "anomaly"

// Pictures of the first network. They are drawn when it is scored and kept;
// charts are drawn anew from numbers.
const (
	picCases         = "reconstructions"
	picSamples       = "samples"
	picData          = "training"
	picInterpolation = "interpolation"
	picMontage       = "montage"
)

func keepPicture(dir folder, name string, p figure.Picture) error {
	b, err := figure.PNG(p)
	if err != nil {
		return fmt.Errorf("experiment: picture %s: %w", name, err)
	}
	return dir.write(b, figuresDir, name+".png")
}

// byClass lists the cases of each class: normals, anomalies.
func byClass(n int, anomalous func(i int) bool) (classes [2][]int) {
	for i := range n {
		if anomalous(i) {
			classes[1] = append(classes[1], i)
		} else {
			classes[0] = append(classes[0], i)
		}
	}
	return classes
}

var classNames = [2]string{"normal", "anomaly"}

// spreadOver picks up to n places from the smallest value to the largest.
func spreadOver(values []float64, n int) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return values[order[a]] < values[order[b]] })
	n = min(n, len(order))
	picked := make([]int, n)
	for i := range picked {
		picked[i] = order[i*(len(order)-1)/max(n-1, 1)]
	}
	return picked
}

// drawImages draws inputs and reconstructions of each class, from the lowest
// score to the highest.
func drawImages(dir folder, set *mnist.Set, images [][]float32, scores []float64) error {
	d := figure.Digits{Title: "Input, reconstruction and absolute difference",
		Lines: []string{"Each class from the lowest score (left) to the highest, in equal steps of rank; the score stands below."}}
	for c, members := range byClass(set.Len(), set.Anomalous) {
		values := make([]float64, len(members))
		for i, m := range members {
			values[i] = scores[m]
		}
		block := figure.DigitBlock{Name: classNames[c]}
		for _, at := range spreadOver(values, 9) {
			i := members[at]
			block.Cases = append(block.Cases, figure.DigitCase{Label: fmt.Sprintf("%.3g", scores[i]), Input: set.Image(i), Reconstruction: images[i]})
		}
		d.Blocks = append(d.Blocks, block)
	}
	return keepPicture(dir, picCases, d)
}

// drawSamples draws what a generator or decoder makes.
func drawSamples(dir folder, support []float32, samples, steps, data [][]float32) error {
	err := keepPicture(dir, picSamples, figure.Samples{Title: "Samples of the prior", Images: samples, Support: support})
	if err != nil {
		return err
	}
	if err := keepPicture(dir, picData, figure.Samples{Title: "Training normals, to compare with", Images: data, Support: support}); err != nil {
		return err
	}
	return keepPicture(dir, picInterpolation, figure.Interpolation{Title: "From one latent to another", Steps: steps, Support: support})
}

// whole is the largest support of a patch: samples are shown within it.
func whole() []float32 { return slices.Repeat([]float32{1}, nodule.PatchVoxels) }

// draw draws what the detector of the first unit made of the test side, and
// what its network makes of nothing. It returns the spread of the samples of a
// GAN.
func (l *lungs) draw(d detector.Detector, rec *recorder, split *nodule.Split, dir folder) (*models.Spread, error) {
	test := split.Test.Filter(labelled).Samples
	var kept []nodule.Sample // those that were scored
	var scores []detector.Score
	for i := range test {
		if s, ok := rec.kept[nodule.Central(test[i].Cube()).Digest()]; ok {
			kept, scores = append(kept, test[i]), append(scores, s)
		}
	}
	cases := figure.Cases{Title: "Input, reconstruction and absolute difference", Lines: []string{"Lowest, median and highest score of each class; the outline is what counts."}}
	curves := &sheet{}
	for c, members := range byClass(len(kept), func(i int) bool { return kept[i].Label == nodule.Anomaly }) {
		values := make([]float64, len(members))
		for i, m := range members {
			values[i] = scores[m].Raw
		}
		for k, at := range figure.Extremes(values) {
			i := members[at]
			cube := kept[i].Cube()
			cases.Cases = append(cases.Cases, figure.Case{
				Name: fmt.Sprintf("%s, %s: %.4g, %.1f mm", classNames[c], []string{"lowest", "median", "highest"}[k], scores[i].Raw, kept[i].DiameterMM),
				Scan: figure.Scan(cube), Patch: nodule.Central(cube), Reconstruction: scores[i].Reconstruction,
			})
			if c == 1 && k == 1 {
				m := figure.Montage{Title: "25 slices of the anomaly with the median score", Voxels: figure.Scan(cube), Support: nodule.Central(cube).Support}
				if err := keepPicture(dir, picMontage, m); err != nil {
					return nil, err
				}
			}
		}
		for n, m := range members {
			if curve := scores[m].Curve; n < shownCurves && len(curve) > 0 {
				curves.rows = append(curves.rows, append([]float64{float64(c)}, wide(curve)...))
			}
		}
	}
	if err := keepPicture(dir, picCases, cases); err != nil {
		return nil, err
	}
	if len(curves.rows) > 0 {
		curves.columns = curveColumns(len(curves.rows[0]) - 1)
		if err := dir.write(curves.csv(), curvesFile); err != nil {
			return nil, err
		}
	}
	return l.generate(d, split, dir)
}

func curveColumns(steps int) []string {
	c := []string{colAnomaly}
	for i := range steps {
		c = append(c, fmt.Sprintf("step %d", i))
	}
	return c
}

// generate draws samples and an interpolation of either kind of network.
func (l *lungs) generate(d detector.Detector, split *nodule.Split, dir folder) (*models.Spread, error) {
	var patches, supports [][]float32
	for i, s := range split.TrainNormals() {
		if i == spreadSamples {
			break
		}
		p := nodule.Central(s.Cube())
		patches, supports = append(patches, p.Voxels), append(supports, p.Support)
	}
	shown := patches[:min(len(patches), shownNodules)]
	if g, ok := d.(*detector.GANAD); ok {
		gen, err := models.NewGenerator(g.Trained(), l.options.Compute)
		if err != nil {
			return nil, err
		}
		seeds := sampleSeeds(max(len(patches), shownNodules), 1)
		samples := gen.Sample(seeds)
		steps := gen.Interpolate(gen.Latent(seeds[0]), gen.Latent(seeds[1]), shownSteps)
		if err := drawSamples(dir, whole(), samples[:shownNodules], steps, shown); err != nil || len(patches) < 2 {
			return nil, err
		}
		spread, err := models.Diversity(samples[:len(patches)], patches, supports)
		return &spread, err
	}
	v, ok := d.(*detector.VAEAD)
	if !ok {
		return nil, fmt.Errorf("experiment: no pictures of %q", d.Name())
	}
	net := l.settings.vae(3)
	dec, err := newDecoder(net, v.Params(), l.options.Compute)
	if err != nil {
		return nil, err
	}
	s, err := models.NewScorer(net, v.Params(), 1, l.options.Compute)
	if err != nil {
		return nil, err
	}
	last := len(patches) - 1
	z0, z1 := s.Score(patches[0], supports[0], [32]byte{}).Posterior, s.Score(patches[last], supports[last], [32]byte{}).Posterior
	return nil, drawSamples(dir, whole(), dec.sample(shownNodules, 1), dec.images(straight(z0, z1, shownSteps)), shown)
}

// shownNodules is how many samples of three planes each are shown.
const shownNodules = 12
