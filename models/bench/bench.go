package bench

import (
	"context"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Work is one piece of work, ready to run.
type Work struct {
	Name  string // the same as in the peer's script
	FLOPs int
	Plan  *compute.Plan
	Run   func()
}

// Result is the time of one work.
type Result struct {
	Name     string  `json:"name"`
	MS       float64 `json:"ms"`      // median
	GFLOP    float64 `json:"gflop"`   // needed
	GFLOPS   float64 `json:"gflop_s"` // reached
	PeakPart float64 `json:"of_peak"` // share of the peak of the same run
	PeerMS   float64 `json:"peer_ms,omitempty"`
	Ratio    float64 `json:"ratio,omitempty"` // PeerMS / MS
}

// Median runs a work once to warm up and then as often as takes a second, at
// least five times, and returns the median in milliseconds.
func Median(ctx context.Context, run func()) (float64, error) {
	t, err := Time(ctx, run)
	return t.Median, err
}

// Works prepares all works on the reference networks with random weights.
func Works(o compute.Options) ([]Work, error) {
	var ws []Work
	for _, f := range []func(compute.Options) (Work, error){
		func(o compute.Options) (Work, error) { return vaeScore("vae score b1", 1, o) },
		func(o compute.Options) (Work, error) { return vaeScore("vae score b32", 32, o) },
		searchStep, vaeTrain, criticStep, outlineTrain,
	} {
		w, err := f(o)
		if err != nil {
			return nil, err
		}
		ws = append(ws, w)
	}
	return ws, nil
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func fill(x []float32) []float32 {
	rng := seeded()
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}

func compile(name string, outs gorgonia.Nodes, ps models.Params, o compute.Options) (Work, *compute.Plan, error) {
	p, err := compute.Compile(outs, ps.Bound(), o)
	if err != nil {
		return Work{}, nil, err
	}
	return work(name, p), p, nil
}

// vaeScore is encoder, one draw and decoder.
func vaeScore(name string, batch int, o compute.Options) (Work, error) {
	v := models.ReferenceVAE
	o.Frozen = true
	g := v.NewGraph(tensor.Float32)
	mean, logvar := v.Encode(g, g.Input("x", batch, 1, 28, 28, 28))
	z := g.Add(mean, g.Mul(g.Input("eps", batch, v.Latent), g.Unary(op.Exp, g.Scale(logvar, 0.5))))
	out := v.Decode(g, z)
	if g.Err != nil {
		return Work{}, g.Err
	}
	w, p, err := compile(name, gorgonia.Nodes{out, mean, logvar}, v.NewParams(seeded()), o)
	if err == nil {
		fill(p.Input("x"))
		fill(p.Input("eps"))
	}
	return w, err
}

// vaeTrain is a whole training step, Adam included.
func vaeTrain(o compute.Options) (Work, error) {
	const batch = 32
	v := models.ReferenceVAE
	ps := v.NewParams(seeded())
	g := v.NewGraph(tensor.Float32)
	t := v.Bound(g, g.Input("x", batch, 1, 28, 28, 28), g.Input("support", batch, 1, 28, 28, 28), g.Input("eps", batch, v.Latent))
	loss := g.Mean(g.Add(t.Recon, t.KL))
	if g.Err != nil {
		return Work{}, g.Err
	}
	grads, err := op.Grad(loss, g.Params(ps)...)
	if err != nil {
		return Work{}, err
	}
	p, err := compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(ps), grads, ps.Bound(), compute.AdamDefaults(1e-4), o)
	if err != nil {
		return Work{}, err
	}
	for _, name := range []string{"x", "support", "eps"} {
		fill(p.Input(name))
	}
	return work("vae train b32", p), nil
}

func work(name string, p *compute.Plan) Work {
	return Work{Name: name, FLOPs: p.FLOPs(), Plan: p, Run: p.Run}
}

// searchStep is one step of the latent search: generator, critic features,
// loss, gradient and momentum.
func searchStep(o compute.Options) (Work, error) {
	return searchWith(searchParams(), o)
}

func searchParams() models.Params {
	gen, critic := models.ReferenceGAN.NewParams(seeded())
	return append(gen, critic...)
}

func searchWith(ps models.Params, o compute.Options) (Work, error) {
	const batch = 16
	n := models.ReferenceGAN
	o.Frozen = true
	g := n.NewGraph(tensor.Float32)
	z := g.Input("z", batch, n.Latent)
	loss := n.SearchLoss(g, g.Input("x", batch, 1, 28, 28, 28), g.Input("support", batch, 1, 28, 28, 28), g.Input("features", batch, n.Features()), z, 0.5)
	if g.Err != nil {
		return Work{}, g.Err
	}
	d, err := op.Grad(loss, z)
	if err != nil {
		return Work{}, err
	}
	speed := g.Sub(g.Scale(g.Input("speed", batch, n.Latent), 0.9), g.Scale(d[0], 1e-2))
	next := g.Add(z, speed)
	if g.Err != nil {
		return Work{}, g.Err
	}
	w, p, err := compile("search step b16", gorgonia.Nodes{loss, speed, next}, ps, o)
	if err != nil {
		return Work{}, err
	}
	for _, name := range []string{"x", "support", "features", "z"} {
		fill(p.Input(name))
	}
	w.Run = func() {
		p.Run()
		copy(p.Input("speed"), p.Output(1))
		copy(p.Input("z"), p.Output(2))
	}
	return w, nil
}

// criticStep is a step of the critic with gradient penalty: fakes are
// generated, mixed and judged, and Adam moves the critic.
func criticStep(o compute.Options) (Work, error) {
	const batch = 16
	n := models.ReferenceGAN
	gen, critic := n.NewParams(seeded())
	g := n.NewGraph(tensor.Float32)
	in := func(name string) *gorgonia.Node { return g.Input(name, batch, 1, 28, 28, 28) }
	real, u := in("real"), in("u")
	fake := n.Generate(g, g.Input("z", batch, n.Latent))
	mix := g.Add(fake, g.Mul(u, g.Sub(real, fake)))
	loss, err := n.CriticLoss(g, real, fake, mix, 10)
	if err != nil {
		return Work{}, err
	}
	grads, err := op.Grad(loss, g.Params(critic)...)
	if err != nil {
		return Work{}, err
	}
	all := append(append(models.Params{}, critic...), gen...)
	adam := &compute.Adam{Rate: 1e-4, Beta1: 0, Beta2: 0.9, Epsilon: 1e-8}
	p, err := compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(critic), grads, all.Bound(), adam, o)
	if err != nil {
		return Work{}, err
	}
	for _, name := range []string{"real", "u", "z"} {
		fill(p.Input(name))
	}
	return work("critic step b16", p), nil
}
