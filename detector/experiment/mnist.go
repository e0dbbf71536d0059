package experiment

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

// imagePreprocessing names what stands between a file and an image, in the
// checkpoints of this experiment.
const (
	imagePreprocessing    = "mnist/0..1/v1"
	straightPreprocessing = "mnist/straight/0..1/v1"
)

// images is the 2D experiment.
type images struct {
	settings Settings
	options  Options
	source   imageSource
	training *mnist.Set
	baseline map[string]*noModel // by set, made once
}

// imageSource is where images come from: a mnist.Source.
type imageSource interface {
	Digest() string
	Training() *mnist.Set
	Choice() *mnist.Set
	Test() (*mnist.Set, error)
}

func openImages(o Options) (*images, error) {
	s := o.images
	if s == nil {
		var err error
		if s, err = mnist.Open(o.Data); err != nil {
			return nil, err
		}
	}
	m := &images{settings: o.Settings, options: o, source: s, baseline: map[string]*noModel{}}
	m.training = m.prepared(s.Training().Head(o.Settings.Training, 0))
	return m, nil
}

// prepared is a set as networks see it.
func (m *images) prepared(s *mnist.Set) *mnist.Set {
	if m.settings.Straighten {
		return s.Straight()
	}
	return s
}

func (m *images) digest() string { return m.source.Digest() }

// set returns what is scored, choice or test.
func (m *images) set(name string) (*mnist.Set, error) {
	s := m.source.Choice()
	if name == testSet {
		var err error
		if s, err = m.source.Test(); err != nil {
			return nil, err
		}
	}
	return m.prepared(s.Head(m.settings.Normals, m.settings.Nines)), nil
}

// cost is what a unit takes on two cores, in seconds.
func (m *images) cost(unit) work {
	s := m.settings
	scored := float64(s.Normals + s.Nines)
	if v := s.VAE; v != nil {
		steps := math.Ceil(float64(s.Training)/float64(v.Batch)) * float64(v.Epochs)
		return work{vaeStep2D * steps * float64(v.Batch) / 32, vaeScore2D * (scored + float64(s.Training))}
	}
	rate := wganStep2D
	if s.Detector == DCGAN {
		rate = dcganStep2D
	}
	return work{rate * float64(s.GAN.Steps) * float64(s.GAN.Batch) / 64, searchStep2D * float64(s.Search.Steps*s.Search.Restarts) * scored / 16}
}

// Expected seconds on two cores: of a step at batch 32 (VAE) or 64 (GAN), of an
// image scored by a VAE, and of a step of the search for 16 images.
const (
	vaeStep2D    = 0.014
	vaeScore2D   = 0.002
	wganStep2D   = 0.25
	dcganStep2D  = 0.065
	searchStep2D = 0.0055
)

// run trains the network of a unit and scores a set with it.
func (m *images) run(ctx context.Context, u unit, t *tracker, set string) ([]evaluation.Scored, error) {
	images, err := m.set(set)
	if err != nil {
		return nil, err
	}
	if m.baseline[set] == nil {
		m.baseline[set] = imagesWithoutModel(m.training, images)
	}
	var net imageNetwork
	if m.settings.VAE != nil {
		net, err = m.vae(ctx, u, t)
	} else {
		net, err = m.gan(ctx, u, t)
	}
	if err != nil {
		return nil, err
	}
	values, err := net.score(ctx, images, func(done, last int) { t.step(scoring, done, last, "") })
	if err != nil {
		return nil, err
	}
	if set == choiceSet && u.seed == 1 {
		if err := net.draw(ctx, images, values); err != nil {
			return nil, err
		}
	}
	return m.scored(u, net, images, append(values, m.baseline[set].values...)), nil
}

// imageNetwork is a trained network that scores images.
type imageNetwork interface {
	name() string
	digest() string
	// score returns a column per way to rank; the first is the score.
	score(ctx context.Context, set *mnist.Set, tell func(done, last int)) ([]column, error)
	draw(ctx context.Context, set *mnist.Set, values []column) error
}

// column is one way to rank the images of a set.
type column struct {
	name   string
	values []float64
}

// valuesOf is a value of every result.
func valuesOf[R any](results []R, value func(R) float64) []float64 {
	v := make([]float64, len(results))
	for i, r := range results {
		v[i] = value(r)
	}
	return v
}

// scored lists the images with everything that ranks them.
func (m *images) scored(u unit, net imageNetwork, set *mnist.Set, columns []column) []evaluation.Scored {
	nan := math.NaN()
	out := make([]evaluation.Scored, set.Len())
	for i := range out {
		s := evaluation.Scored{Data: m.digest(), Seed: u.seed, Nodule: fmt.Sprintf("row %d, digit %d", set.Rows[i], set.Digits[i]), Label: nodule.Normal,
			Predictions: []evaluation.Prediction{{Detector: net.name(), Digest: net.digest(), Calibration: "uncalibrated", Probability: nan, Percentile: nan, Threshold: nan, Sensitive: nan}}}
		if set.Anomalous(i) {
			s.Label = nodule.Anomaly
		}
		for _, c := range columns {
			s.Values = append(s.Values, detector.Term{Name: c.name, Value: c.values[i]})
		}
		out[i] = s
	}
	return out
}

// patchesOf are the images of a set with their supports and the seeds of the
// noise: of image and weights alone.
func patchesOf(set *mnist.Set, weights string) (patches, supports [][]float32, seeds [][32]byte) {
	whole := make([]float32, mnist.Pixels)
	for i := range whole {
		whole[i] = 1
	}
	for i := range set.Len() {
		x := set.Image(i)
		raw := make([]byte, 0, 4*len(x)+len(weights))
		for _, v := range x {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		patches, supports, seeds = append(patches, x), append(supports, whole), append(seeds, sha256.Sum256(append(raw, weights...)))
	}
	return patches, supports, seeds
}

// rowsOf are the images of a set as rows.
func rowsOf(set *mnist.Set) [][]float64 {
	rows := make([][]float64, set.Len())
	for i := range rows {
		rows[i] = wide(set.Image(i))
	}
	return rows
}

// noModel is what ranks images without a network.
type noModel struct{ values []column }

// neighboursOnPixels is k of the row of nearest neighbours.
const neighboursOnPixels = 5

func imagesWithoutModel(train, set *mnist.Set) *noModel {
	known, rows := rowsOf(train), rowsOf(set)
	mean := meanImage(known)
	near := neighbours(known, rows, neighboursOnPixels)
	ink, dist := make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		near[i] /= math.Sqrt(mnist.Pixels) // a root mean square, as for nodules
		for j, v := range r {
			ink[i] += v
			dist[i] += (v - mean[j]) * (v - mean[j]) / mnist.Pixels
		}
	}
	return &noModel{[]column{{evaluation.RowIntensitySum, ink}, {evaluation.RowMeanImage, dist}, {evaluation.RowNearest, near}}}
}

// header is the template of the checkpoints.
func (m *images) header() models.Header {
	name := imagePreprocessing
	if m.settings.Straighten {
		name = straightPreprocessing
	}
	return models.Header{Preprocessing: name, DataDigest: m.digest(), Attribution: "MNIST: LeCun, Cortes, Burges"}
}

// job is the training of a unit.
func (m *images) job(u unit, t *tracker, length int) job {
	return job{dims: 2, train: digits{m.training}, seed: u.seed, length: length, header: m.header(), dir: m.options.unit(u),
		tell: func(done, last int, note string) { t.step(training, done, last, note) }, compute: m.options.Compute}
}

// shown are training images to set beside samples.
func (m *images) shown() [][]float32 {
	patches, _, _ := patchesOf(m.training.Head(shownSamples, 0), "")
	return patches
}
