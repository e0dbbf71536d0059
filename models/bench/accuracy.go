package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/tensor"
)

// AccuracyOptions choose what Accuracy computes. The zero value of a field
// takes the default named behind it.
type AccuracyOptions struct {
	Dims    int      // 3
	Batch   int      // 4
	Seeds   int      // 3: draws of weights and inputs
	Threads int      // 2: of every side
	Kernels []string // all that this machine runs: of cpu.Names
}

func (o AccuracyOptions) withDefaults() AccuracyOptions {
	if o.Dims == 0 {
		o.Dims = 3
	}
	if o.Batch == 0 {
		o.Batch = 4
	}
	if o.Seeds == 0 {
		o.Seeds = 3
	}
	if o.Threads == 0 {
		o.Threads = 2
	}
	if o.Kernels == nil {
		o.Kernels = cpu.Names()
	}
	return o
}

// Accuracy computes outputs and gradients of the reference networks, with the
// same weights and inputs, by plans on every kernel set and by the peer's
// script (docs/peer/torch_accuracy.py) in float32 and in float64, and compares
// both float32 with float64: the bound of the VAE, a step of the latent search,
// and the critic's loss with its gradient penalty. ErrPeer tells that the
// script could not do its part.
//
// A gradient jumps where an input of LeakyReLU or of an absolute value passes
// 0. Where rounding takes one to the other side, on any side of the comparison,
// the gradients of that network and seed tell nothing and are left out.
func Accuracy(ctx context.Context, script string, o AccuracyOptions) (*AccuracyReport, error) {
	o = o.withDefaults()
	dir, err := os.MkdirTemp("", "nodulescope-accuracy-")
	if err != nil {
		return nil, fmt.Errorf("bench: a folder for the peer: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // of the system's temporary files
	var networks []network
	for seed := range o.Seeds {
		networks = append(networks, o.networks(uint64(seed))...)
	}
	peer, err := runPeer(ctx, script, dir, networks, o.Threads)
	if err != nil {
		return nil, err
	}
	r := &AccuracyReport{Peer: peer.Peer, Threads: o.Threads, Batch: o.Batch, Seeds: o.Seeds}
	r.Sets = o.Kernels
	for _, n := range networks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows, flips, err := n.compare(filepath.Join(dir, n.folder()), o)
		if err != nil {
			return nil, err
		}
		r.add(rows, Flips{n.name, n.seed, peer.Flips[n.folder()], flips})
	}
	r.judge()
	return r, nil
}

// compare runs a network on every kernel set against what the peer left in a
// folder, and counts on which side of 0 the inputs of LeakyReLU are.
func (n network) compare(folder string, o AccuracyOptions) (rows []TensorError, flips []int, err error) {
	_, out, err := n.build(tensor.Float32)
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %s: %w", n.name, err)
	}
	rows, refs := make([]TensorError, len(out.names)), make([][]float64, len(out.names))
	for i, name := range out.names {
		rows[i] = TensorError{Network: n.name, Tensor: name, Shape: out.nodes[i].Shape(), Seeds: 1}
		if refs[i], err = loadArray(filepath.Join(folder, "f64", name+".npy"), rows[i].Shape); err != nil {
			return nil, nil, err
		}
		x, err := loadArray(filepath.Join(folder, "f32", name+".npy"), rows[i].Shape)
		if err != nil {
			return nil, nil, err
		}
		rows[i].Peer = relative(x, refs[i])
	}
	for _, kernels := range o.Kernels {
		b, err := cpu.New(cpu.Options{Threads: o.Threads, Kernels: kernels})
		if err != nil {
			return nil, nil, fmt.Errorf("bench: %w", err)
		}
		co := compute.Options{Backends: []compute.Backend{b}}
		values, err := n.run(out.nodes, co)
		if err != nil {
			return nil, nil, err
		}
		for i := range rows {
			e := relative(values[i], refs[i])
			if math.IsNaN(e) || math.IsInf(e, 0) {
				return nil, nil, fmt.Errorf("bench: %s: %s on %s holds NaN or Inf", n.name, rows[i].Tensor, kernels)
			}
			rows[i].Ours = append(rows[i].Ours, e)
		}
		f, err := n.flips(out, folder, co)
		if err != nil {
			return nil, nil, err
		}
		flips = append(flips, f)
	}
	return rows, flips, nil
}

// flips counts the inputs of LeakyReLU and absolute values that are above 0
// here and not in the peer's float64, or the other way round.
func (n network) flips(out named, folder string, o compute.Options) (int, error) {
	values, err := n.run(out.kinks, o)
	if err != nil {
		return 0, err
	}
	count := 0
	for i, x := range values {
		above, err := loadArray(filepath.Join(folder, "f64", fmt.Sprintf("kink.%d.npy", i)), out.kinks[i].Shape())
		if err != nil {
			return 0, err
		}
		for j, v := range x {
			if (v > 0) != (above[j] > 0) {
				count++
			}
		}
	}
	return count, nil
}

// relative is max|x - ref| / max|ref|, or max|x| where ref is zero.
func relative[T float32 | float64](x []T, ref []float64) float64 {
	if len(x) != len(ref) {
		panic("bench: tensors of two lengths")
	}
	var worst, top float64
	for i, r := range ref {
		d := math.Abs(float64(x[i]) - r)
		if math.IsNaN(d) {
			return d
		}
		worst, top = max(worst, d), max(top, math.Abs(r))
	}
	if top == 0 {
		return worst
	}
	return worst / top
}

// gradient says whether a tensor is one.
func gradient(name string) bool { return strings.HasPrefix(name, gradPrefix) }
