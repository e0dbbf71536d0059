package bench

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is one graph with weights and inputs, which the peer builds again.
type network struct {
	name   string
	seed   uint64
	params models.Params
	inputs models.Params // what is no weight
	build  func(tensor.Dtype) (*models.Graph, named, error)
}

// named are nodes with the names that the peer gives them. Gradients begin with
// "grad.".
type named struct {
	names []string
	nodes gorgonia.Nodes
	kinks gorgonia.Nodes // inputs of LeakyReLU and of absolute values, in the order of the peer's calls
}

func (n *named) add(name string, node *gorgonia.Node) {
	n.names, n.nodes = append(n.names, name), append(n.nodes, node)
}

// grads adds the gradients of cost.
func (n *named) grads(cost *gorgonia.Node, wrt gorgonia.Nodes) error {
	ds, err := op.Grad(cost, wrt...)
	if err != nil {
		return err
	}
	for i, d := range ds {
		n.add(gradPrefix+wrt[i].Name(), d)
	}
	return nil
}

const gradPrefix = "grad."

// folder is what the peer calls it.
func (n network) folder() string { return fmt.Sprintf("%s-%d", n.name, n.seed) }

// networks are the reference networks as they are trained and searched, with
// the weights and inputs of one seed.
func (o AccuracyOptions) networks(seed uint64) []network {
	rng := rand.New(rand.NewPCG(seed, 3))
	vae, gan := models.VAE{Dims: o.Dims, Latent: models.ReferenceVAE.Latent}, models.GAN{Dims: o.Dims, Latent: models.ReferenceGAN.Latent}
	support, x := o.patches(rng)
	shape := append([]int{o.Batch, 1}, edges(o.Dims)...)
	draws := func(name string, shape []int, draw func() float64) models.Param {
		p := models.Param{Name: name, Shape: shape, Data: make([]float32, volume(shape))}
		for i := range p.Data {
			p.Data[i] = float32(draw())
		}
		return p
	}
	patch := func(name string, data []float32) models.Param {
		return models.Param{Name: name, Shape: shape, Data: data}
	}
	prior := func() float64 { return 2*rng.Float64() - 1 }

	generator, critic := gan.NewParams(rng)
	both := moved(append(generator, critic...), rng)
	critic = both[len(generator):]
	z := draws("z", []int{o.Batch, gan.Latent}, prior)
	return []network{
		{
			name: "vae", seed: seed, params: moved(vae.NewParams(rng), rng),
			inputs: models.Params{patch("x", x), patch("support", support), draws("eps", []int{o.Batch, vae.Latent}, rng.NormFloat64)},
			build:  func(t tensor.Dtype) (*models.Graph, named, error) { return vaeBound(vae, shape, t) },
		},
		{
			name: "search", seed: seed, params: both,
			inputs: models.Params{patch("x", x), patch("support", support), z},
			build:  func(t tensor.Dtype) (*models.Graph, named, error) { return ganSearch(gan, shape, t) },
		},
		{
			name: "critic", seed: seed, params: both,
			inputs: models.Params{patch("real", x), patch("support", support), z, draws("u", append([]int{o.Batch, 1}, ones(o.Dims)...), rng.Float64)},
			build:  func(t tensor.Dtype) (*models.Graph, named, error) { return criticLoss(gan, critic, shape, t) },
		},
	}
}

// vaeBound is what a training step of the VAE computes before Adam.
func vaeBound(v models.VAE, shape []int, t tensor.Dtype) (*models.Graph, named, error) {
	g := v.NewGraph(t)
	x, support, eps := g.Input("x", shape...), g.Input("support", shape...), g.Input("eps", shape[0], v.Latent)
	mean, logvar := v.Encode(g, x)
	terms := v.Bound(g, x, support, eps)
	draw := g.Add(mean, g.Mul(eps, g.Unary(op.Exp, g.Scale(logvar, 0.5))))
	picture := v.Decode(g, draw)
	loss := g.Mean(g.Add(terms.Recon, terms.KL))
	if g.Err != nil {
		return nil, named{}, g.Err
	}
	out := named{names: []string{"mean", "logvar", "picture", "recon", "kl", "loss"},
		nodes: gorgonia.Nodes{mean, logvar, picture, terms.Recon, terms.KL, loss}, kinks: kinks(g)}
	err := out.grads(loss, g.Params(v.NewParams(seeded())))
	return g, out, err
}

// ganSearch is one step of the latent search before z moves; the features of x
// are computed with it.
func ganSearch(n models.GAN, shape []int, t tensor.Dtype) (*models.Graph, named, error) {
	g := n.NewGraph(t)
	x, support, z := g.Input("x", shape...), g.Input("support", shape...), g.Input("z", shape[0], n.Latent)
	features, score := n.Critic(g, x)
	terms := n.SearchTerms(g, x, support, features, z, 0.5)
	if g.Err != nil {
		return nil, named{}, g.Err
	}
	out := named{names: []string{"picture", "features", "judgement", "residual", "feature loss", "loss"},
		nodes: gorgonia.Nodes{terms.Image, features, score, terms.Residual, terms.Feature, terms.Loss}, kinks: kinks(g)}
	err := out.grads(terms.Loss, gorgonia.Nodes{z})
	return g, out, err
}

// criticLoss is what a step of the critic with gradient penalty computes before
// Adam. Fakes are cut to the support of the real patch in the same row.
func criticLoss(n models.GAN, critic models.Params, shape []int, t tensor.Dtype) (*models.Graph, named, error) {
	g := n.NewGraph(t)
	real := g.Input("real", shape...)
	fake := g.Mul(n.Generate(g, g.Input("z", shape[0], n.Latent)), g.Input("support", shape...))
	u := g.Do(op.Expand{Out: shape}, g.Input("u", append([]int{shape[0], 1}, ones(n.Dims)...)...))
	mix := g.Add(fake, g.Mul(u, g.Sub(real, fake)))
	loss, err := n.CriticLoss(g, real, fake, mix, 10)
	if err != nil {
		return nil, named{}, err
	}
	out := named{names: []string{"fake", "loss"}, nodes: gorgonia.Nodes{fake, loss}, kinks: kinks(g)}
	err = out.grads(loss, g.Params(critic))
	return g, out, err
}

// kinks are the inputs of piecewise linear operators in the order in which they
// were added to the graph.
func kinks(g *models.Graph) gorgonia.Nodes {
	all := slices.Clone(g.G.AllNodes())
	slices.SortFunc(all, func(a, b *gorgonia.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	var in gorgonia.Nodes
	for _, n := range all {
		o, _ := op.Of(n)
		if u, ok := o.(op.Unary); ok && (u.F == op.LeakyReLU || u.F == op.Abs) {
			in = append(in, op.Inputs(n)[0])
		}
	}
	return in
}

// moved takes weights off from where training starts: every one by about a
// tenth, and biases from zero.
func moved(ps models.Params, rng *rand.Rand) models.Params {
	for _, p := range ps {
		for i, v := range p.Data {
			if len(p.Shape) == 1 {
				p.Data[i] = float32(0.05 * rng.NormFloat64())
			} else {
				p.Data[i] = v * float32(1+0.1*rng.NormFloat64())
			}
		}
	}
	return ps
}

// patches are noise within balls of 5 to 13 voxels: what counts of a nodule's
// cube, and 0 outside.
func (o AccuracyOptions) patches(rng *rand.Rand) (support, x []float32) {
	size := volume(edges(o.Dims))
	support, x = make([]float32, o.Batch*size), make([]float32, o.Batch*size)
	for b := range o.Batch {
		radius := 5 + 8*rng.Float64()
		for i := range size {
			distance := 0.0
			for rest, d := i, 0; d < o.Dims; rest, d = rest/patchEdge, d+1 {
				distance += math.Pow(float64(rest%patchEdge)-float64(patchEdge-1)/2, 2)
			}
			if distance < radius*radius {
				support[b*size+i], x[b*size+i] = 1, rng.Float32()
			}
		}
	}
	return support, x
}

const patchEdge = 28

func edges(dims int) []int { return []int{patchEdge, patchEdge, patchEdge}[:dims] }
func ones(dims int) []int  { return []int{1, 1, 1}[:dims] }

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// run computes nodes of the network's graph with a compiled plan.
func (n network) run(nodes gorgonia.Nodes, o compute.Options) ([][]float32, error) {
	p, err := compute.Compile(nodes, n.params.Bound(), o)
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", n.name, err)
	}
	for _, name := range p.Inputs() {
		for _, in := range n.inputs {
			if in.Name == name {
				copy(p.Input(name), in.Data)
			}
		}
	}
	p.Run()
	values := make([][]float32, len(nodes))
	for i := range nodes {
		values[i] = p.Output(i)
	}
	return values, nil
}
