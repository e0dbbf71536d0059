package onnx

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models"
)

func TestExportVAE(t *testing.T) {
	v := models.VAE{Dims: 3, Latent: 5}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 2)))
	h := models.Header{Dims: 3, Latent: 5, Preprocessing: "p1", Attribution: "LIDC-IDRI", Digest: ps.Digest()}
	enc, dec, err := ExportVAE(v, ps, h, 2)
	if err != nil {
		t.Fatal(err)
	}
	e, d := parse(t, enc), parse(t, dec)
	wellFormed(t, "encoder", e)
	wellFormed(t, "decoder", d)
	image := []int{2, 1, 28, 28, 28}
	opts := cmp.AllowUnexported(parsedValue{})
	for _, c := range []struct {
		what      string
		got, want []parsedValue
	}{
		{"encoder inputs", e.inputs, []parsedValue{{inputPatch, image}}},
		{"encoder outputs", e.outputs, []parsedValue{{outputMean, []int{2, 5}}, {outputLogVariance, []int{2, 5}}}},
		{"decoder inputs", d.inputs, []parsedValue{{inputLatent, []int{2, 5}}}},
		{"decoder outputs", d.outputs, []parsedValue{{outputReconstruction, image}}},
	} {
		if diff := cmp.Diff(c.want, c.got, opts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	// Every weight is in one of the two models, as it was.
	at := map[string]parsedTensor{}
	for _, x := range append(e.tensors, d.tensors...) {
		at[x.name] = x
	}
	for _, p := range ps {
		if x := at[p.Name]; !bytes.Equal(x.raw, rawFloats(p.Data)) || cmp.Diff(p.Shape, x.dims) != "" {
			t.Errorf("%s %v is not in the models as it was", p.Name, p.Shape)
		}
	}
	for _, m := range []parsed{e, d} {
		if m.meta[keyDigest] != ps.Digest() || m.meta["preprocessing"] != "p1" || m.meta["attribution"] != "LIDC-IDRI" {
			t.Errorf("metadata %v", m.meta)
		}
	}
	enc2, dec2, err := ExportVAE(v, ps, h, 2)
	if err != nil || !bytes.Equal(enc, enc2) || !bytes.Equal(dec, dec2) {
		t.Errorf("the second export differs (%v)", err)
	}
}

func TestExportVAERefuses(t *testing.T) {
	v := models.VAE{Dims: 2, Latent: 5}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 2)))
	for name, c := range map[string]struct {
		v     models.VAE
		ps    models.Params
		h     models.Header
		batch int
		want  string
	}{
		"network":    {models.VAE{Dims: 4, Latent: 1}, ps, models.Header{}, 1, "dimensions"},
		"weights":    {v, ps[1:], models.Header{}, 1, "tensors"},
		"batch":      {v, ps, models.Header{}, 0, "batch"},
		"large":      {v, ps, models.Header{}, 1025, "batch"},
		"dimensions": {v, ps, models.Header{Dims: 3}, 1, "3 dimensions"},
		"latent":     {v, ps, models.Header{Latent: 6}, 1, "latent size 6"},
	} {
		if _, _, err := ExportVAE(c.v, c.ps, c.h, c.batch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, _, err := ExportVAE(v, ps, models.Header{Digest: "sha256:0"}, 1); !errors.Is(err, models.ErrDigest) {
		t.Errorf("other weights: %v", err)
	}
}

// A learned variance is no part of a graph: the decoder's metadata have it.
func TestExportLearnedSigma(t *testing.T) {
	v := models.VAE{Dims: 2, Latent: 5, LearnedSigma: true}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 2)))
	ps[len(ps)-1].Data[0] = -1.5
	enc, dec, err := ExportVAE(v, ps, models.Header{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if e, d := parse(t, enc).meta[keyLogVariance], parse(t, dec).meta[keyLogVariance]; e != "" || d != "-1.5" {
		t.Errorf("log sigma^2 is told as %q and %q", e, d)
	}
}
