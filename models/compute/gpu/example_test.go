package gpu_test

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A plan runs on the card where there is one, and on the processor where there
// is none, or where it fails: the result is the same.
func Example() {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	w := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(3, 1), gorgonia.WithName("w"))
	b := op.Builder{}
	y := b.Do(op.Unary{F: op.LeakyReLU, C: 0.5}, b.Do(op.MatMul{}, x, w))
	if b.Err != nil {
		fmt.Println(b.Err)
		return
	}
	o := compute.Options{Frozen: true, Backends: cpu.List()}
	devices, missing := gpu.Devices()
	try, _, err := gpu.Choose(gpu.Auto, devices, missing)
	if err != nil {
		fmt.Println(err)
		return
	}
	if backend, err := gpu.OpenFirst(try, gpu.Options{}); backend != nil && err == nil {
		defer backend.Close()
		o.Backends = cpu.List(backend)
	}
	p, err := compute.Compile(gorgonia.Nodes{y}, map[string][]float32{"w": {1, 0, -1}}, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(p.Input("x"), []float32{5, 0, 1, 1, 0, 5})
	p.Run()
	fmt.Println(p.Output(0))
	// Output: [4 -2]
}

// A service lets a device come back after a fault. Until then, and where there
// is none, the processor does the work.
func ExampleKeep() {
	var current atomic.Pointer[gpu.Backend] // for the plans that are compiled next
	devices, missing := gpu.Devices()
	try, _, err := gpu.Choose(gpu.Auto, devices, missing)
	if err != nil {
		fmt.Println(err)
		return
	}
	if len(try) > 0 {
		k := gpu.Keep(try, gpu.Options{}, gpu.Retry{First: time.Minute}, func(b *gpu.Backend) { current.Store(b) })
		defer k.Close()
		if s := k.State(); s.Err != nil {
			fmt.Println("not used until", s.Next, "for", s.Err)
		}
	}
	o := compute.Options{Backends: cpu.List()}
	if b := current.Load(); b != nil {
		o.Backends = cpu.List(b)
	}
	fmt.Println("ready")
	// Output: ready
}

func ExampleChoose() {
	cards := []gpu.Device{
		{API: gpu.OpenCL, Type: gpu.CPU, Name: "a processor that plays a device", Memory: 8 << 30, Group: 4096, Local: 1 << 20},
		{API: gpu.CUDA, Type: gpu.GPU, Name: "a card", Capability: "9.0", Memory: 80 << 30, Group: 1024, Local: 48 << 10},
	}
	try, why, err := gpu.Choose(gpu.Auto, cards, nil)
	fmt.Println(try[0].ID(), why, err)
	_, why, err = gpu.Choose(gpu.Auto, cards[:1], nil)
	fmt.Println(why, err)
	// Output:
	// cuda:0 it is the first usable graphics card <nil>
	// there is no usable graphics card (opencl:0 (a processor that plays a device): it is no graphics card: name it to use it) <nil>
}
