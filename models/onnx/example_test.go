package onnx_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/onnx"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A site serves encoder and decoder elsewhere. The weights here are random;
// those of the product come from models.Load.
func ExampleExportVAE() {
	vae := models.VAE{Dims: 3, Latent: 8}
	weights := vae.NewParams(rand.New(rand.NewPCG(1, 2)))
	encoder, decoder, err := onnx.ExportVAE(vae, weights, models.Header{Preprocessing: "p1"}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, model := range [][]byte{encoder, decoder} {
		fmt.Println(len(model) > 1<<20, bytes.Contains(model, []byte("never for triage or diagnosis")))
	}
	// Output:
	// true true
	// true true
}

// Any graph of operators can be written, gradients too: here d/dx sum(x*x).
func ExampleExport() {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	b := op.Builder{}
	cost := b.SumRows(b.Unary(op.Square, x))
	grads, err := op.Grad(cost, x)
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := onnx.Export(append(gorgonia.Nodes{cost}, grads...), []string{"cost", "dx"}, nil, onnx.Options{Name: "square"})
	fmt.Println(len(model) > 0, err)
	// Output:
	// true <nil>
}
