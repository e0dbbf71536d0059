package gpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// networkBound is that of the processor's plans for whole networks.
const networkBound = 5e-6

func draw(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}

// TestNetworks holds outputs of the reference networks in both dimensions
// against the plain operators in float64.
func TestNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long, and one after the other")
	}
	for _, dims := range []int{2, 3} {
		v, n := models.VAE{Dims: dims, Latent: 8}, models.GAN{Dims: dims, Latent: 8}
		rng := rand.New(rand.NewPCG(6, 6))
		gen, critic := n.NewParams(rng)
		ps := append(append(v.NewParams(rng), gen...), critic...)
		for _, p := range ps {
			for i := range p.Data {
				p.Data[i] += 0.02 // no output is a difference of large sums
			}
		}
		shape := append([]int{1, 1}, []int{28, 28, 28}[:dims]...)
		values := map[string][]float32{"x": draw(rng, v.Voxels()), "z": draw(rng, 8)}
		g, c := v.NewGraph(tensor.Float32), n.NewGraph(tensor.Float32)
		mean, logvar := v.Encode(g, g.Input("x", shape...))
		vaeOuts := gorgonia.Nodes{mean, logvar, v.Decode(g, g.Input("z", 1, 8))}
		features, score := n.Critic(c, c.Input("x", shape...))
		ganOuts := gorgonia.Nodes{n.Generate(c, c.Input("z", 1, 8)), features, score}
		if g.Err != nil || c.Err != nil {
			t.Fatal(g.Err, c.Err)
		}
		feed := ps.Bound()
		for name, x := range values {
			feed[name] = x
		}
		want := [][][]float64{op.Evaluate(feed, vaeOuts...), op.Evaluate(feed, ganOuts...)}
		onEach(t, func(t *testing.T, b strict) {
			for k, outs := range []gorgonia.Nodes{vaeOuts, ganOuts} {
				for _, frozen := range []bool{false, true} {
					p := compile(t, b, outs, ps.Bound(), compute.Options{Frozen: frozen})
					for name, x := range values {
						copy(p.Input(name), x)
					}
					p.Run()
					for i := range outs {
						if err := conform.CompareWithin(p.Output(i), want[k][i], networkBound); err != nil {
							t.Errorf("%dD, network %d, output %d: %v", dims, k, i, err)
						}
					}
				}
			}
		})
	}
}

// critic is the step of a critic with its gradient penalty: second derivatives
// of every kind of layer.
func critic(t *testing.T, n models.GAN, batch int) (outs, params, grads gorgonia.Nodes, ps models.Params) {
	t.Helper()
	gen, cr := n.NewParams(rand.New(rand.NewPCG(2, 3)))
	g := n.NewGraph(tensor.Float32)
	shape := append([]int{batch, 1}, []int{28, 28, 28}[:n.Dims]...)
	fake := n.Generate(g, g.Input("z", batch, n.Latent))
	real, u := g.Input("real", shape...), g.Input("u", shape...)
	mix := g.Add(fake, g.Mul(u, g.Sub(real, fake)))
	loss, err := n.CriticLoss(g, real, fake, mix, 10)
	if err != nil {
		t.Fatal(err)
	}
	if grads, err = op.Grad(loss, g.Params(cr)...); err != nil {
		t.Fatal(err)
	}
	return gorgonia.Nodes{loss}, g.Params(cr), grads, append(cr, gen...)
}

// hereAndThere runs a plan on the processor and on the device, with the same
// random inputs.
func hereAndThere(t *testing.T, b strict, outs gorgonia.Nodes, ps models.Params) (here, there *compute.Plan) {
	t.Helper()
	here, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: cpu.List()})
	if err != nil {
		t.Fatal(err)
	}
	there = compile(t, b, outs, ps.Bound(), compute.Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range here.Inputs() {
		copy(here.Input(name), draw(rng, len(here.Input(name))))
		copy(there.Input(name), here.Input(name))
	}
	here.Run()
	there.Run()
	return here, there
}

// TestCriticGradients holds the gradients of the critic's loss, penalty
// included, against the processor's.
func TestCriticGradients(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		for _, n := range []models.GAN{{Dims: 2, Latent: 7}, {Dims: 2, Latent: 5, Norm: true}, {Dims: 3, Latent: 5}} {
			outs, _, grads, ps := critic(t, n, 2)
			all := append(outs, grads...)
			here, there := hereAndThere(t, b, all, ps)
			for i := range all {
				if err := near(there.Output(i), here.Output(i), 1e-4); err != nil {
					t.Errorf("%+v, output %d: %v", n, i, err)
				}
			}
			if here.FLOPs() <= 0 || math.Abs(float64(there.FLOPs())/float64(here.FLOPs())-1) > 0.02 {
				t.Errorf("%+v: %d FLOPs, on the processor %d", n, there.FLOPs(), here.FLOPs())
			}
		}
	})
}

// near bounds the root of the mean squared difference relative to that of want:
// single elements may lie on the other side of a kink.
func near(got, want []float32, bound float64) error {
	var d, s float64
	for i, w := range want {
		e := float64(got[i]) - float64(w)
		d, s = d+e*e, s+float64(w)*float64(w)
	}
	if !(math.Sqrt(d) <= bound*math.Sqrt(s)+1e-12) {
		return fmt.Errorf("differs by %g of %g", math.Sqrt(d), math.Sqrt(s))
	}
	return nil
}

// TestTraining follows the processor through some steps with clipping, with the
// weights copied every time and with weights that stay on the device.
func TestTraining(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		for _, hold := range []bool{false, true} {
			n := models.GAN{Dims: 2, Latent: 6}
			type run struct {
				plan *compute.Plan
				adam *compute.Adam
				ps   models.Params
			}
			var runs [2]run
			for i := range runs {
				outs, params, grads, ps := critic(t, n, 3)
				a := compute.AdamDefaults(1e-3)
				a.Clip = 0.5
				o := compute.Options{Backends: cpu.List()}
				if i == 1 {
					o.Backends = []compute.Backend{b}
				}
				p, err := compute.CompileTraining(outs, params, grads, ps.Bound(), a, o)
				if err != nil {
					t.Fatal(err)
				}
				runs[i] = run{p, a, ps}
			}
			there := runs[1]
			if !there.plan.OnDevice() {
				t.Fatal("the plan runs on the processor")
			}
			if hold {
				there.plan.Hold()
			}
			before := there.ps[0].Data[0]
			for step := range 4 {
				rng := rand.New(rand.NewPCG(9, uint64(step)))
				for _, name := range there.plan.Inputs() {
					x := draw(rng, len(there.plan.Input(name)))
					copy(runs[0].plan.Input(name), x)
					copy(there.plan.Input(name), x)
				}
				runs[0].plan.Run()
				there.plan.Run()
				if a, c := there.adam, runs[0].adam; a.Steps != step+1 || math.Abs(a.Norm/c.Norm-1) > 1e-3 {
					t.Errorf("step %d: %d steps, norm %g, want %g", step, a.Steps, a.Norm, c.Norm)
				}
				if hold && there.ps[0].Data[0] != before {
					t.Error("a weight that stays on the device was copied")
				}
			}
			if err := there.plan.Fetch(); err != nil {
				t.Fatal(err)
			}
			for i, p := range there.ps {
				if err := near(p.Data, runs[0].ps[i].Data, 1e-4); err != nil {
					t.Errorf("hold %t, %s: %v", hold, p.Name, err)
				}
			}
			for i := range there.adam.M {
				if err := near(there.adam.M[i], runs[0].adam.M[i], 2e-3); err != nil {
					t.Errorf("hold %t, first moment %d: %v", hold, i, err)
				}
			}
		}
	})
}

// TestSharedWeights: what one plan moves on the device, the plans beside it
// use, though the host has not seen it.
func TestSharedWeights(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		w := map[string][]float32{"w": {1, 2, 3}}
		g := gorgonia.NewGraph()
		leaf := func(name string) *gorgonia.Node {
			return gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(3), gorgonia.WithName(name))
		}
		build := op.Builder{}
		wn := leaf("w")
		y := build.Mul(wn, leaf("x"))
		cost := build.Do(op.SumTo{Out: tensor.Shape{1}}, y)
		if build.Err != nil {
			t.Fatal(build.Err)
		}
		grads, err := op.Grad(cost, wn)
		if err != nil {
			t.Fatal(err)
		}
		train, err := compute.CompileTraining(gorgonia.Nodes{cost}, gorgonia.Nodes{wn}, grads, w, compute.AdamDefaults(0.5), compute.Options{Backends: cpu.List(b)})
		if err != nil {
			t.Fatal(err)
		}
		use := compile(t, b, gorgonia.Nodes{y}, w, compute.Options{})
		copy(train.Input("x"), []float32{1, 1, 1})
		copy(use.Input("x"), []float32{1, 1, 1})
		train.Hold()
		train.Run()
		use.Run()
		if w["w"][0] != 1 || math.Abs(float64(use.Output(0)[0])-0.5) > 1e-4 {
			t.Errorf("host %v, on the device %v", w["w"], use.Output(0))
		}
		if err := train.Fetch(); err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(w["w"][2])-2.5) > 1e-4 {
			t.Errorf("fetched %v", w["w"])
		}
		w["w"][0] = 7 // the host's values count again
		use.Run()
		if use.Output(0)[0] != 7 {
			t.Errorf("a weight that the host changed is %v on the device", use.Output(0)[0])
		}
	})
}
