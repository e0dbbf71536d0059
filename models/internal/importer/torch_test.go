package importer

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlpodyssey/safetensors"
	"github.com/nodulescope/nodulescope/models"
)

var small = models.VAE{Dims: 2, Latent: 3}

// state is a state_dict: names to views.
type state map[string]safetensors.TensorView

func view(t testing.TB, kind safetensors.DType, shape []uint64, raw []byte) safetensors.TensorView {
	t.Helper()
	v, err := safetensors.NewTensorView(kind, shape, raw)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func floats(t testing.TB, shape []uint64, x []float32) safetensors.TensorView {
	t.Helper()
	var raw []byte
	for _, f := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return view(t, safetensors.F32, shape, raw)
}

// stateOf writes the parameters of small as PyTorch would, with the names and
// shapes spelled out: the map of the package is not used.
func stateOf(t testing.TB, ps models.Params) state {
	t.Helper()
	s := state{}
	shapes := map[string][]uint64{
		"e.0.weight": {32, 1, 3, 3}, "e.2.weight": {64, 32, 3, 3}, "e.4.weight": {128, 64, 3, 3},
		"mu.weight": {3, 2048}, "lv.weight": {3, 2048}, "g.f.weight": {2048, 3},
		"g.c1.weight": {64, 128, 3, 3}, "g.c2.weight": {32, 64, 3, 3}, "g.c3.weight": {1, 32, 3, 3},
	}
	for i, module := range []string{"e.0", "e.2", "e.4", "mu", "lv", "g.f", "g.c1", "g.c2", "g.c3"} {
		w, b := ps[2*i], ps[2*i+1]
		shape := shapes[module+".weight"]
		x := w.Data
		if len(shape) == 2 {
			x = nil
			for o := range int(shape[0]) {
				for in := range int(shape[1]) {
					x = append(x, w.Data[in*int(shape[0])+o])
				}
			}
		}
		s[module+".weight"] = floats(t, shape, x)
		s[module+".bias"] = floats(t, shape[:1], b.Data)
	}
	return s
}

func (s state) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := safetensors.Serialize(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func randomParams() models.Params {
	rng := rand.New(rand.NewPCG(1, 2))
	ps := small.NewParams(rng)
	for _, p := range ps {
		for i := range p.Data {
			p.Data[i] += float32(rng.NormFloat64())
		}
	}
	return ps
}

func TestImportTorch(t *testing.T) {
	want := randomParams()
	path := filepath.Join(t.TempDir(), "vae.safetensors")
	if err := os.WriteFile(path, stateOf(t, want).bytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ImportTorch(path, small)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.Digest(), got.Digest()); d != "" {
		t.Errorf("weights differ (-want +got):\n%s", d)
	}
	if _, err := ImportTorch(path+".none", small); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ImportTorch(path, small); !errors.Is(err, ErrWeights) {
		t.Errorf("file over the limit: %v", err)
	}
}

func TestHalfPrecision(t *testing.T) {
	for bits, want := range map[uint16]float32{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x3555: 0.333251953125, // IEEE 754-2008, binary16
		0x0400: 0x1p-14, 0x0001: 0x1p-24, 0x83ff: -0x1.ff8p-15, 0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)),
	} {
		if got := half(bits); got != want {
			t.Errorf("%#04x is %v, want %v", bits, got, want)
		}
	}
	if x := half(0x8000); x != 0 || !math.Signbit(float64(x)) {
		t.Errorf("negative zero is %v", x)
	}
	if x := half(0x7e00); x == x {
		t.Errorf("NaN is %v", x)
	}
	s := stateOf(t, randomParams())
	s["g.c3.bias"] = view(t, safetensors.F16, []uint64{1}, []byte{0x00, 0xc0})
	s["mu.bias"] = view(t, safetensors.BF16, []uint64{3}, []byte{0x80, 0x3f, 0x40, 0xc0, 0x49, 0x40})
	ps, err := DecodeTorch(s.bytes(t), small)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		switch p.Name {
		case "decoder.conv3.bias":
			if d := cmp.Diff([]float32{-2}, p.Data); d != "" {
				t.Errorf("F16 (-want +got):\n%s", d)
			}
		case "encoder.mean.bias":
			if d := cmp.Diff([]float32{1, -3, 3.140625}, p.Data); d != "" {
				t.Errorf("BF16 (-want +got):\n%s", d)
			}
		}
	}
}

func TestImportRefuses(t *testing.T) {
	good := stateOf(t, randomParams())
	raw := good.bytes(t)
	edit := func(name string, v *safetensors.TensorView) []byte {
		s := state{}
		for k, x := range good {
			s[k] = x
		}
		delete(s, name)
		if v != nil {
			s[name] = *v
		}
		return s.bytes(t)
	}
	tensor := func(kind safetensors.DType, shape []uint64, raw []byte) *safetensors.TensorView {
		v := view(t, kind, shape, raw)
		return &v
	}
	nan, inf := floats(t, []uint64{32}, make([]float32, 32)), floats(t, []uint64{1}, []float32{float32(math.Inf(1))})
	binary.LittleEndian.PutUint32(nan.Data()[4*7:], 0x7fc00000)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":        {nil, "cut"},
		"torch.save":   {[]byte("PK\x03\x04 archive/data.pkl"), "save_file"},
		"pickle":       {[]byte("\x80\x02}q\x00(X\x05\x00\x00\x00mu.we"), "no safetensors"},
		"cut":          {raw[:len(raw)-1], "incomplete"},
		"longer":       {append(append([]byte(nil), raw...), 0), "incomplete"},
		"missing":      {edit("g.c2.bias", nil), `"g.c2.bias" (for decoder.conv2.bias)`},
		"transposed":   {edit("mu.weight", tensor(safetensors.F32, []uint64{2048, 3}, make([]byte, 4*2048*3))), `"mu.weight" is [2048 3], want [3 2048]`},
		"rank":         {edit("e.0.bias", tensor(safetensors.F32, []uint64{32, 1}, make([]byte, 4*32))), `"e.0.bias"`},
		"type":         {edit("lv.bias", tensor(safetensors.F64, []uint64{3}, make([]byte, 24))), `"lv.bias"`},
		"unknown":      {edit("bn.running_mean", tensor(safetensors.F32, []uint64{1}, make([]byte, 4))), `"bn.running_mean"`},
		"not a number": {edit("e.0.bias", &nan), `"e.0.bias" holds NaN at 7`},
		"infinite":     {edit("g.c3.bias", &inf), `"g.c3.bias" holds +Inf at 0`},
	} {
		if _, err := DecodeTorch(c.b, small); !errors.Is(err, ErrWeights) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := DecodeTorch(raw, models.VAE{Dims: 3, Latent: 3}); !errors.Is(err, ErrWeights) || !strings.Contains(err.Error(), "e.0.weight") {
		t.Errorf("weights of two dimensions for three: %v", err)
	}
	if _, err := DecodeTorch(raw, models.VAE{Dims: 1, Latent: 3}); err == nil {
		t.Error("a network of one dimension was imported")
	}
}

func FuzzDecodeTorch(f *testing.F) {
	v := models.VAE{Dims: 2, Latent: 1}
	good := stateOf(f, randomParams())
	f.Add(good.bytes(f))
	f.Add(state{"e.0.bias": good["e.0.bias"], "mu.bias": good["mu.bias"]}.bytes(f))
	header := func(s string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
	}
	f.Add(header(`{"e.0.weight":{"dtype":"F32","shape":[32,1,3,3],"data_offsets":[0,1152]}}`))
	f.Add(header(`{"e.0.weight":{"dtype":"BF16","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, net := range []models.VAE{v, small} {
			ps, err := DecodeTorch(b, net)
			if err != nil {
				if !errors.Is(err, ErrWeights) {
					t.Errorf("error without a kind: %v", err)
				}
				continue
			}
			if err := net.Check(ps); err != nil {
				t.Errorf("accepted, but %v", err)
			}
		}
	})
}
