package gpu

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// soakEnv is how long TestSoak scores, such as 4m; without it, a second.
const soakEnv = "NODULESCOPE_GPU_SOAK"

// TestSoak scores again and again with plans that come and go: always the same
// bits, and no more memory at the end than near the beginning.
func TestSoak(t *testing.T) {
	length, passes := time.Second, 2
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		passes = 20
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	onEach(t, func(t *testing.T, b strict) {
		v := models.VAE{Dims: 3, Latent: 64}
		if b.Device().Type == driver.CPU {
			v.Dims = 2
		}
		ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
		rng := rand.New(rand.NewPCG(2, 2))
		x, support, seeds := [][]float32{}, [][]float32{}, [][32]byte{}
		for i := range 17 {
			x, support, seeds = append(x, draw(rng, v.Voxels())), append(support, draw(rng, v.Voxels())), append(seeds, [32]byte{byte(i)})
		}
		var first []models.PatchBound
		var used, free int64
		rounds, scored := 0, 0
		for start := time.Now(); rounds < 3 || time.Since(start) < length; rounds++ {
			s, err := models.NewScorer(v, ps, 3, compute.Options{Backends: cpu.List(b)})
			if err != nil {
				t.Fatal(err)
			}
			for range passes {
				got, err := s.ScoreAll(x, support, seeds)
				if err != nil {
					t.Fatal(err)
				}
				scored += len(got)
				if first == nil {
					first = got
				}
				for i := range got {
					if got[i].Recon != first[i].Recon || got[i].Mean[77] != first[i].Mean[77] {
						t.Fatalf("after %d scores: patch %d has %v, %v at first", scored, i, got[i].Recon, first[i].Recon)
					}
				}
			}
			runtime.GC()
			time.Sleep(20 * time.Millisecond) // for what is cleaned up
			now, _ := b.ctx.Free()
			if rounds == 1 {
				used, free = b.Used(), now
			}
			if rounds > 1 && (b.Used() > used+64<<20 || now < free-256<<20) {
				t.Fatalf("round %d: %d MiB in use and %d free, %d and %d in the second", rounds, b.Used()>>20, now>>20, used>>20, free>>20)
			}
		}
		t.Logf("%s: %d scores in %d rounds of new plans", b.Device().ID(), scored, rounds)
	})
}

// TestFaultingKernel writes where there is no memory, in a process of its own:
// the device is lost, and scores go on. It needs a card, for on a processor the
// process would end.
func TestFaultingKernel(t *testing.T) {
	const env = "NODULESCOPE_TEST_FAULT"
	for _, d := range devices(t) {
		if d.Type != driver.GPU {
			continue
		}
		if os.Getenv(env) == d.ID() {
			faulting(t, d)
			return
		}
		if os.Getenv(env) != "" {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=TestFaultingKernel$", "-test.v") //nolint:gosec // this test
		cmd.Env = append(os.Environ(), env+"="+d.ID())
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "scores go on") {
			t.Errorf("%s: %v\n%s", d.ID(), err, out)
		}
		b, err := Open(d, Options{})
		if err != nil {
			t.Fatalf("%s after a fault of another process: %v", d.ID(), err)
		}
		if err := b.selfCheck(); err != nil {
			t.Error(err)
		}
		b.Close()
	}
}

// faulting lets a kernel write far outside all memory.
func faulting(t *testing.T, d driver.Device) {
	b, err := Open(d, Options{Limit: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	outs, _ := descent(t, 1)
	here, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List()})
	if err != nil {
		t.Fatal(err)
	}
	there, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b)})
	if err != nil || !there.OnDevice() {
		t.Fatal(err)
	}
	for _, name := range here.Inputs() {
		copy(here.Input(name), draw(rand.New(rand.NewPCG(1, 1)), 120))
		copy(there.Input(name), here.Input(name))
	}
	q, err := b.ctx.Queue()
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.ctx.Alloc(4 * kernels.Unit)
	if err != nil {
		t.Fatal(err)
	}
	table := []int32{1 << 30, 1 << 20, 0} // fill: a block a hundred GiB away
	err = once(b, q, []driver.Op{{To: m, Host: driver.Bytes(table)},
		{Kernel: "fill", Groups: [3]int{64, 1, 1}, Local: 256, Mem: []driver.Memory{m, m, m}, Ints: []int32{0}}})
	if !errors.Is(err, driver.ErrLost) {
		t.Fatalf("a kernel that faults gives %v", err)
	}
	there.Run()
	here.Run()
	for i, v := range there.Output(0) {
		if math.Abs(float64(v-here.Output(0)[i])) > 1e-5 {
			t.Fatalf("loss %d is %g, want %g", i, v, here.Output(0)[i])
		}
	}
	if there.OnDevice() || b.Alive() {
		t.Fatal("the device is still in use")
	}
	t.Log("the device is lost and scores go on")
}
