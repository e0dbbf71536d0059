package importer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/nlpodyssey/safetensors"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/models"
)

// Limits of what is read.
const (
	maxFile   = 1 << 30 // bytes
	maxHeader = 1 << 20 // bytes of the list of tensors
)

// ErrWeights says that a file does not hold the weights of the network.
var ErrWeights = errors.New("importer: not the weights of this network")

// torchModules maps modules of the PyTorch VAE to layers here.
var torchModules = map[string]string{
	"encoder.conv1": "e.0", "encoder.conv2": "e.2", "encoder.conv3": "e.4",
	"encoder.mean": "mu", "encoder.logvar": "lv",
	"decoder.linear": "g.f", "decoder.conv1": "g.c1", "decoder.conv2": "g.c2", "decoder.conv3": "g.c3",
}

// torchName is the state_dict name of a parameter.
func torchName(name string) string {
	dot := strings.LastIndexByte(name, '.')
	return torchModules[name[:dot]] + name[dot:]
}

// ImportTorch reads a safetensors file of at most 1 GiB; see DecodeTorch.
func ImportTorch(path string, v models.VAE) (models.Params, error) {
	b, err := smallfile.Read(path, maxFile)
	if errors.Is(err, smallfile.ErrTooLarge) {
		return nil, fmt.Errorf("%w: %w", ErrWeights, err)
	}
	if err != nil {
		return nil, fmt.Errorf("importer: read weights: %w", err)
	}
	ps, err := DecodeTorch(b, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ps, nil
}

// DecodeTorch turns a safetensors file with the state_dict of v, as the package
// documentation lists it, into parameters of v. A tensor that is missing, of
// another shape or type, not finite, or not part of the network is an error
// that wraps ErrWeights and names it.
func DecodeTorch(b []byte, v models.VAE) (ps models.Params, err error) {
	if err := v.Validate(); err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	st, err := open(b)
	if err != nil {
		return nil, err
	}
	ps = v.NewParams(rand.New(rand.NewPCG(0, 0))) // for names and shapes; every value is replaced
	known := map[string]bool{}
	for i := range ps {
		name := torchName(ps[i].Name)
		known[name] = true
		if err := fill(&ps[i], name, st); err != nil {
			return nil, err
		}
	}
	names := st.Names()
	slices.Sort(names)
	for _, name := range names {
		if !known[name] {
			return nil, fmt.Errorf("%w: tensor %q is not part of a VAE with %d dimensions", ErrWeights, name, v.Dims)
		}
	}
	return ps, nil
}

// open reads the list of tensors.
func open(b []byte) (st safetensors.SafeTensors, err error) {
	defer func() {
		if r := recover(); r != nil { // a length in the file that the library trusts
			err = fmt.Errorf("%w: %v", ErrWeights, r)
		}
	}()
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return st, fmt.Errorf("%w: a file of torch.save; write it with safetensors.torch.save_file(vae.state_dict(), path)", ErrWeights)
	case len(b) > maxFile:
		return st, fmt.Errorf("%w: %d bytes, at most %d are read", ErrWeights, len(b), maxFile)
	case len(b) < 8:
		return st, fmt.Errorf("%w: cut at %d bytes; copy the file again", ErrWeights, len(b))
	}
	if n := binary.LittleEndian.Uint64(b); n > maxHeader || n > uint64(len(b)-8) {
		return st, fmt.Errorf("%w: no safetensors file, or cut: header of %d bytes in a file of %d", ErrWeights, n, len(b))
	}
	if st, err = safetensors.Deserialize(b); err != nil {
		return st, fmt.Errorf("%w: %w", ErrWeights, err)
	}
	return st, nil
}

// fill replaces the values of p by the tensor called name.
func fill(p *models.Param, name string, st safetensors.SafeTensors) error {
	t, ok := st.Tensor(name)
	if !ok {
		return fmt.Errorf("%w: no tensor %q (for %s)", ErrWeights, name, p.Name)
	}
	want := slices.Clone(p.Shape)
	linear := len(want) == 2 // [in, out] here, [out, in] there
	if linear {
		want[0], want[1] = want[1], want[0]
	}
	if !sameShape(t.Shape(), want) {
		return fmt.Errorf("%w: tensor %q is %v, want %v", ErrWeights, name, t.Shape(), want)
	}
	at, err := reader(t)
	if err != nil {
		return fmt.Errorf("%w: tensor %q: %w", ErrWeights, name, err)
	}
	for i := range p.Data {
		j := i
		if linear {
			j = i%want[0]*want[1] + i/want[0]
		}
		x := at(j)
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("%w: tensor %q holds %v at %d", ErrWeights, name, x, j)
		}
		p.Data[i] = x
	}
	return nil
}

func sameShape(got []uint64, want []int) bool {
	return slices.EqualFunc(got, want, func(g uint64, w int) bool { return g == uint64(w) }) //nolint:gosec // sizes are positive
}

// reader returns the i-th value of a tensor as float32.
func reader(t safetensors.TensorView) (func(i int) float32, error) {
	raw := t.Data()
	switch t.DType() {
	case safetensors.F32:
		return func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) }, nil
	case safetensors.F16:
		return func(i int) float32 { return half(binary.LittleEndian.Uint16(raw[2*i:])) }, nil
	case safetensors.BF16:
		return func(i int) float32 {
			return math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}, nil
	}
	return nil, fmt.Errorf("type %v, want F32, F16 or BF16", t.DType())
}

// half widens an IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10
// bits of fraction.
func half(b uint16) float32 {
	exponent, fraction := int(b>>10&0x1f), float64(b&0x3ff)
	x := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0: // subnormal
		x = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		x = math.Inf(1)
	case exponent == 31:
		x = math.NaN()
	}
	if b>>15 == 1 {
		x = math.Copysign(x, -1)
	}
	return float32(x)
}
