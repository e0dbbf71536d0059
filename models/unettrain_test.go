package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models/compute"
)

// balls are bright balls at the mark in a dark, noisy volume.
type balls struct{ n int }

func (b balls) Len() int { return b.n }

func (balls) Outline(i int, rng *rand.Rand, x, y []float32) {
	v := cube(OutlineEdge, 3)
	radius := 3 + float64(i%4)
	at := [3]float64{13 + 5*rng.Float64(), 13 + 5*rng.Float64(), 13 + 5*rng.Float64()}
	for p := range v {
		dz, dy, dx := float64(p/1024)-at[0], float64(p/32%32)-at[1], float64(p%32)-at[2]
		d := math.Sqrt(dz*dz + dy*dy + dx*dx)
		y[p] = 0
		if d < radius {
			y[p] = 1
		}
		x[p] = 0.2 + 0.5*y[p] + 0.05*float32(rng.NormFloat64())
		x[v+p] = float32(math.Exp(-d * d / 18))
	}
}

func outlineRun(dir string) OutlineRun {
	return OutlineRun{UNet: UNet{Channels: [4]int{4, 4, 4, 4}}, Train: balls{12}, Dir: dir,
		Settings: OutlineSettings{Epochs: 3, Batch: 4, Average: 0.9, Seed: 3}, Header: Header{Preprocessing: "p", DataDigest: "d"}}
}

// TestOutlinesAreLearned trains on balls and outlines one that was not drawn
// before, from the checkpoint.
func TestOutlinesAreLearned(t *testing.T) {
	r := outlineRun("")
	r.Settings.Epochs, r.Settings.Rate = 20, 1e-2
	trained, err := TrainUNet(context.Background(), r)
	checktest.Must(t, err)
	path := filepath.Join(t.TempDir(), "u.safetensors")
	checktest.Must(t, trained.Save(path))
	h, ps, err := Load(path)
	checktest.Must(t, err)
	again, err := UNetOf(h, ps)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(trained.Params.Digest(), again.Params.Digest()); d != "" || again.UNet != trained.UNet {
		t.Errorf("the checkpoint holds other weights:\n%s", d)
	}
	o, err := NewOutliner(again, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := cube(OutlineEdge, 3)
	x, y := make([]float32, outlineInputs*v), make([]float32, v)
	balls{}.Outline(1, rand.New(rand.NewPCG(99, 99)), x, y)
	p, err := o.Outline(x)
	if err != nil {
		t.Fatal(err)
	}
	var both, sum float64
	for i, q := range p {
		both += 2 * float64(q*y[i])
		sum += float64(q + y[i])
	}
	if both/sum < 0.8 {
		t.Errorf("Dice %.3f of a bright ball", both/sum)
	}
	x[7] = float32(math.NaN())
	if _, err := o.Outline(x); err == nil {
		t.Error("NaN was outlined")
	}
	if _, err := o.Outline(x[1:]); err == nil {
		t.Error("a volume of another size was outlined")
	}
}

// TestInterruptedOutlineTrainingEndsTheSame cancels a run in the middle of an
// epoch and resumes it.
func TestInterruptedOutlineTrainingEndsTheSame(t *testing.T) {
	whole, err := TrainUNet(context.Background(), outlineRun(""))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for stop := range 2 {
		cancelled(t, func(ctx context.Context, cancel func()) error {
			r := outlineRun(dir)
			r.Progress = func(p OutlineProgress) {
				if p.Epoch == stop+1 && p.Step == 2 {
					cancel()
				}
			}
			_, err := TrainUNet(ctx, r)
			return err
		})
	}
	again, err := TrainUNet(context.Background(), outlineRun(dir))
	checktest.Must(t, err)
	resumed(t, again.Params, whole.Params, again.Header, whole.Header)
	r := outlineRun(dir)
	r.Settings.Epochs++ // other rates from the first step on
	if _, err := TrainUNet(context.Background(), r); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("other settings: %v", err)
	}
}

type notANumber struct{ balls }

func (n notANumber) Outline(i int, rng *rand.Rand, x, y []float32) {
	n.balls.Outline(i, rng, x, y)
	x[100] = float32(math.Inf(1))
}

func TestOutlineTrainingRefuses(t *testing.T) {
	for name, change := range map[string]func(r *OutlineRun){
		"no samples":    func(r *OutlineRun) { r.Train = balls{} },
		"no number":     func(r *OutlineRun) { r.Train = notANumber{balls{4}} },
		"no network":    func(r *OutlineRun) { r.UNet.Channels[1] = 0 },
		"rate":          func(r *OutlineRun) { r.Settings.Rate = 2 },
		"average":       func(r *OutlineRun) { r.Settings.Average = 1 },
		"minus epochs":  func(r *OutlineRun) { r.Settings.Epochs = -1 },
		"share of zero": func(r *OutlineRun) { r.Settings.Share = -1 },
	} {
		r := outlineRun("")
		change(&r)
		if _, err := TrainUNet(context.Background(), r); err == nil {
			t.Errorf("%s: trained", name)
		}
	}
}

func TestUNetOfRefuses(t *testing.T) {
	u := littleUNet
	good := &TrainedUNet{UNet: u, Params: u.NewParams(rand.New(rand.NewPCG(1, 1)), 0.1),
		Header: Header{Kind: "unet", Channels: u.Channels[:]}}
	if _, err := UNetOf(good.Header, good.Params); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(h *Header, ps *Params){
		"kind":     func(h *Header, _ *Params) { h.Kind = "vae" },
		"channels": func(h *Header, _ *Params) { h.Channels = []int{2, 3} },
		"others":   func(h *Header, _ *Params) { h.Channels = []int{2, 3, 4, 6} },
		"many":     func(h *Header, _ *Params) { h.Channels = []int{2, 3, 4, 1 << 40} },
		"missing":  func(_ *Header, ps *Params) { *ps = (*ps)[1:] },
		"more": func(_ *Header, ps *Params) {
			*ps = append(slices.Clone(*ps), Param{"encoder.0.a.mean", []int{2}, make([]float32, 2)})
		},
	} {
		h, ps := good.Header, good.Params
		change(&h, &ps)
		if _, err := UNetOf(h, ps); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
