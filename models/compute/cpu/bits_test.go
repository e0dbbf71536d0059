package cpu

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
	"gorgonia.org/gorgonia"
)

// bits are digests of what all graphs of the suite give, by instruction set:
// see the test of the same name in package models.
var bits = map[string]string{
	"avx512": "f87bc53a3ee538fefbf20763",
	"avx2":   "f87bc53a3ee538fefbf20763",
	"neon":   "f87bc53a3ee538fefbf20763",
	"go":     "186e7809996ffd31619cedb4",
}

// TestBits: every operator gives the same bits as when its digest was recorded,
// whatever the number of workers.
func TestBits(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			two := suiteDigest(t, name, 2)
			others := []int{1, 3}
			if name == "go" {
				others = others[1:] // it takes long
			}
			if testing.Short() && name != Names()[0] {
				t.Skip("it takes long; all share their threads in one way")
			}
			for _, threads := range others {
				if got := suiteDigest(t, name, threads); got != two {
					t.Errorf("%d workers give %q, two %q", threads, got, two)
				}
			}
			if two != bits[name] {
				t.Errorf("%q, recorded was %q", two, bits[name])
			}
		})
	}
}

// suiteDigest is that of all outputs of the suite's graphs.
func suiteDigest(t *testing.T, kernels string, threads int) string {
	t.Helper()
	b, err := New(Options{Threads: threads, Kernels: kernels})
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	run := func(outs gorgonia.Nodes, feed, bound map[string][]float32) {
		p, err := compute.Compile(outs, bound, compute.Options{Backends: []compute.Backend{b}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range p.Inputs() {
			copy(p.Input(name), feed[name])
		}
		p.Run()
		p.Run()
		for i := range outs {
			for _, v := range p.Output(i) {
				if v != v { // of several payloads
					v = float32(math.NaN())
				}
				_, _ = h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
			}
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range conform.Cases(rng) {
		n, err := c.Graph()
		if err != nil {
			t.Fatal(err)
		}
		feed := map[string][]float32{}
		for i, x := range c.Inputs(rng) {
			feed[fmt.Sprint("x", i)] = x
		}
		run(gorgonia.Nodes{n}, feed, nil)
	}
	for i, c := range conform.Upsampled {
		feed, outs, err := c.Graph(rand.New(rand.NewPCG(1, uint64(i)))) //nolint:gosec // not negative
		if err != nil {
			t.Fatal(err)
		}
		run(outs, nil, feed)
	}
	for seed := range uint64(150) {
		feed, outs, err := conform.RandomGraph(rand.New(rand.NewPCG(seed, 11)))
		if err != nil {
			t.Fatal(err)
		}
		run(outs, feed, nil)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
