package outline

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

const (
	limit = 0.5 // least probability of a voxel of the outline
	reach = 5.0 // of an outline from its candidate, at most, mm
)

// scheme is part of the digest of an outliner. It changes when the same network
// is used in another way: how places are chosen, what of its output is kept, or
// how that is measured.
const scheme = "nodulescope/outline/v1"

// Outliner outlines nodules. It is safe for concurrent use: one nodule is
// outlined at a time, which takes all cores.
type Outliner struct {
	trained *models.TrainedUNet
	network string  // digest of its weights
	tissue  *Tissue // nil: what is outlined is a nodule
	digest  string

	mu      sync.Mutex // guards what follows
	options compute.Options
	net     *models.Outliner // nil: to be compiled
	x       []float32        // the input, with the mark of the point
}

// New prepares a trained network, which is compiled when it is first used. It
// refuses one that was trained with another preprocessing.
func New(t *models.TrainedUNet, o compute.Options) (*Outliner, error) {
	if p := t.Header.Preprocessing; p != nodule.WholeVersion {
		return nil, fmt.Errorf("outline: the network was trained with the preprocessing %.60q, this program has %q: train it again", p, nodule.WholeVersion)
	}
	out := &Outliner{trained: t, network: t.Params.Digest(), options: o, x: make([]float32, 2*voxels)}
	mark(out.x[voxels:], [3]float64{middle, middle, middle})
	out.name()
	return out, nil
}

// name sets the digest.
func (o *Outliner) name() {
	h := digest.New()
	h.Text(scheme, nodule.WholeVersion, o.network)
	if o.tissue != nil {
		h.Text(o.tissue.digest())
	}
	o.digest = h.Digest()
}

// tell has outlines of other tissue refused.
func (o *Outliner) tell(t *Tissue) {
	o.tissue = t
	o.name()
}

// WithoutTissue is the same network, with nothing that it outlines refused: for
// nodules that are known to be some.
func (o *Outliner) WithoutTissue() *Outliner {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := &Outliner{trained: o.trained, network: o.network, options: o.options, x: slices.Clone(o.x)}
	out.name()
	return out
}

// Outlines says whether a digest is that of this outliner, or of its network with
// nothing refused: what both outline is the same.
func (o *Outliner) Outlines(digest string) bool {
	return digest == o.digest || digest == o.WithoutTissue().digest
}

// Digest names the network, its preprocessing, what it refuses and how it is used:
// "sha256:<hex>".
func (o *Outliner) Digest() string { return o.digest }

// Trained is the network.
func (o *Outliner) Trained() *models.TrainedUNet { return o.trained }

// Preprocessing is the version of what the network sees.
func (o *Outliner) Preprocessing() string { return nodule.WholeVersion }

// Place has nodules outlined on a device from the next one on; nil means the
// processor, which also does what a device fails to do.
func (o *Outliner) Place(b compute.Backend) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.options.Backends, o.net = nil, nil
	if b != nil {
		o.options.Backends = []compute.Backend{b}
	}
}

// Outline is the nodule of one candidate.
type Outline struct {
	Probability []float32 // of every voxel of the cube to be the nodule's
	Mask        []bool    // the voxels that are: those above one half that hang together, next to the candidate; none where no nodule was found
	Voxels      int       // of the mask: its volume in mm³
	Border      bool      // the mask reaches the border of the cube: it may be cut

	Machine compute.Machine // what computed it; zero for Threshold
}

// Outline outlines the nodule at the middle of a cube.
func (o *Outliner) Outline(cube *nodule.Cube) (*Outline, error) {
	image, _ := nodule.Whole(cube)
	if alike(image) { // of air, of water, or of no numbers: there is nothing to outline
		return &Outline{Probability: make([]float32, voxels), Mask: make([]bool, voxels)}, nil
	}
	return o.image(image)
}

// alike says whether all voxels have one value.
func alike(image []float32) bool {
	return !slices.ContainsFunc(image, func(v float32) bool { return v != image[0] })
}

func (o *Outliner) image(image []float32) (*Outline, error) {
	p, by, err := o.probability(image)
	if err != nil {
		return nil, err
	}
	above := make([]bool, voxels)
	for i, v := range p {
		above[i] = v > limit
	}
	out := outlineOf(p, above)
	out.Machine = by
	return out, nil
}

func (o *Outliner) probability(image []float32) ([]float32, compute.Machine, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.net == nil {
		net, err := models.NewOutliner(o.trained, o.options)
		if err != nil {
			return nil, compute.Machine{}, err
		}
		o.net = net
	}
	copy(o.x, image)
	p, err := o.net.Outline(o.x)
	if err == nil && slices.ContainsFunc(p, func(v float32) bool { return v != v }) {
		err = errors.New("outline: the network gave no number; its weights may be damaged")
	}
	return p, o.net.Machine(), err
}

// outlineOf keeps the connected part of a set of voxels that is nearest to the
// candidate, where it is within reach.
func outlineOf(probability []float32, in []bool) *Outline {
	out := &Outline{Probability: probability, Mask: make([]bool, voxels)}
	start, nearest := -1, reach
	for i, ok := range in {
		if !ok {
			continue
		}
		z, y, x := float64(i/(edge*edge))-middle, float64(i/edge%edge)-middle, float64(i%edge)-middle
		if d := math.Sqrt(z*z + y*y + x*x); d <= nearest {
			start, nearest = i, d
		}
	}
	if start < 0 {
		return out
	}
	out.fill(in, start)
	return out
}

// fill makes the mask the part of a set that hangs together with one of its
// voxels, by six neighbours.
func (o *Outline) fill(in []bool, start int) {
	o.Mask[start] = true
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		o.Voxels++
		eachNeighbour(queue[0], func(j int) {
			switch {
			case j < 0:
				o.Border = true
			case in[j] && !o.Mask[j]:
				o.Mask[j] = true
				queue = append(queue, j)
			}
		})
	}
}

// centre is the mean place of the mask, z, y, x in voxels from the middle.
func (o *Outline) centre() (c [3]float64) {
	for i, in := range o.Mask {
		if in {
			for a, stride := range [3]int{edge * edge, edge, 1} {
				c[a] += float64(i/stride%edge) - middle
			}
		}
	}
	for a := range c {
		c[a] /= float64(max(o.Voxels, 1))
	}
	return c
}

// own are the probabilities of the mask and of the voxels beside it, and 0
// elsewhere: those of other parts do not count.
func (o *Outline) own() []float32 {
	p := make([]float32, voxels)
	for i, in := range o.Mask {
		if !in {
			continue
		}
		take := func(j int) {
			if j < 0 {
				return
			}
			switch {
			case o.Probability == nil:
				if o.Mask[j] {
					p[j] = 1
				}
			case o.Mask[j] || o.Probability[j] <= limit: // a voxel beside the mask that is above belongs to another part
				p[j] = o.Probability[j]
			}
		}
		take(i)
		eachNeighbour(i, take)
	}
	return p
}

// eachNeighbour calls visit with the six neighbours of a voxel, and with -1 for
// one that would lie outside the cube.
func eachNeighbour(i int, visit func(j int)) {
	for _, stride := range [3]int{edge * edge, edge, 1} {
		at := i / stride % edge
		if at > 0 {
			visit(i - stride)
		} else {
			visit(-1)
		}
		if at < edge-1 {
			visit(i + stride)
		} else {
			visit(-1)
		}
	}
}
