package models

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/nlpodyssey/safetensors"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// maxCheckpoint bounds what is read as a checkpoint.
const maxCheckpoint = 1 << 30

// Errors of reading a checkpoint.
var (
	ErrCheckpoint = errors.New("models: not a usable checkpoint")
	ErrDigest     = errors.New("models: checkpoint does not have the digest that its header names")
	ErrState      = errors.New("models: not a state that this training can go on from")
	ErrSave       = errors.New("models: the checkpoint was not written")
)

// marked is an error that also is one of those above, and reads as it did.
type marked struct {
	error
	as error
}

func (m marked) Unwrap() []error { return []error{m.error, m.as} }

// Header is what a checkpoint says about itself.
type Header struct {
	Format          int                `json:"format"` // 1
	Kind            string             `json:"kind"`   // "vae", "gan" or "unet"
	Dims            int                `json:"dims"`
	Latent          int                `json:"latent"`
	Channels        []int              `json:"channels,omitempty"`      // of a UNet
	LearnedSigma    bool               `json:"learned_sigma,omitempty"` // of a VAE
	Norm            bool               `json:"norm,omitempty"`          // of a GAN: with batch normalisation
	Loss            string             `json:"loss,omitempty"`          // of a GAN: "wgan-gp" or "dcgan"
	Prior           string             `json:"prior,omitempty"`         // of a GAN: "uniform" or "normal"
	Encoder         bool               `json:"encoder,omitempty"`       // of a GAN: it has one
	Preprocessing   string             `json:"preprocessing"`
	DataDigest      string             `json:"data_digest"`
	Attribution     string             `json:"attribution,omitempty"`
	Parent          string             `json:"parent,omitempty"` // digest of the weights that the training went on from
	Seed            uint64             `json:"seed"`
	Epoch           int                `json:"epoch"`
	Metrics         map[string]float64 `json:"metrics,omitempty"`
	Training        json.RawMessage    `json:"training,omitempty"`         // settings of the run
	EncoderTraining json.RawMessage    `json:"encoder_training,omitempty"` // of a GAN's encoder
	Detector        json.RawMessage    `json:"detector,omitempty"`         // calibration, written by package detector
	Digest          string             `json:"digest"`                     // of the weights, Params.Digest
}

// VAE is the network of a checkpoint of kind "vae".
func (h Header) VAE() VAE { return VAE{Dims: h.Dims, Latent: h.Latent, LearnedSigma: h.LearnedSigma} }

// GAN is the network of a checkpoint of kind "gan".
func (h Header) GAN() GAN { return GAN{Dims: h.Dims, Latent: h.Latent, Norm: h.Norm} }

const headerKey = "nodulescope"

// Encode writes header and weights as safetensors, float32. It sets
// Header.Digest.
func Encode(h Header, ps Params) ([]byte, error) {
	h.Format, h.Digest = 1, ps.Digest()
	meta, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("models: encode checkpoint header: %w", err)
	}
	order := make([]string, len(ps))
	views := make(map[string]safetensors.TensorView, len(ps))
	for i, p := range ps {
		order[i] = p.Name
		shape := make([]uint64, len(p.Shape))
		for j, d := range p.Shape {
			shape[j] = uint64(d) //nolint:gosec // sizes are positive
		}
		raw := make([]byte, 4*len(p.Data))
		for j, v := range p.Data {
			binary.LittleEndian.PutUint32(raw[4*j:], math.Float32bits(v))
		}
		if views[p.Name], err = safetensors.NewTensorView(safetensors.F32, shape, raw); err != nil {
			return nil, fmt.Errorf("models: encode %q: %w", p.Name, err)
		}
	}
	names, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	b, err := safetensors.Serialize(views, map[string]string{headerKey: string(meta), "order": string(names)})
	if err != nil {
		return nil, fmt.Errorf("models: encode checkpoint: %w", err)
	}
	return b, nil
}

// Decode reads what Encode wrote and verifies the digest. Its errors wrap
// ErrCheckpoint or ErrDigest.
func Decode(b []byte) (h Header, ps Params, err error) {
	defer func() {
		if r := recover(); r != nil { // a length in the file that the library trusts
			err = fmt.Errorf("%w: %v", ErrCheckpoint, r)
		}
	}()
	if len(b) < 8 || binary.LittleEndian.Uint64(b) > uint64(len(b)-8) {
		return h, nil, fmt.Errorf("%w: cut at %d bytes; copy or train it again", ErrCheckpoint, len(b))
	}
	_, meta, err := safetensors.ReadMetadata(b)
	if err != nil {
		return h, nil, fmt.Errorf("%w: %w; copy or train it again", ErrCheckpoint, err)
	}
	st, err := safetensors.Deserialize(b)
	if err != nil {
		return h, nil, fmt.Errorf("%w: %w; copy or train it again", ErrCheckpoint, err)
	}
	info := meta.Metadata()
	if err := json.Unmarshal([]byte(info[headerKey]), &h); err != nil {
		return h, nil, fmt.Errorf("%w: header: %w", ErrCheckpoint, err)
	}
	if h.Format != 1 {
		return h, nil, fmt.Errorf("%w: format %d, this program reads 1", ErrCheckpoint, h.Format)
	}
	var order []string
	if err := json.Unmarshal([]byte(info["order"]), &order); err != nil {
		return h, nil, fmt.Errorf("%w: order of tensors: %w", ErrCheckpoint, err)
	}
	for _, name := range order {
		v, ok := st.Tensor(name)
		if !ok || v.DType() != safetensors.F32 {
			return h, nil, fmt.Errorf("%w: no float32 tensor %q", ErrCheckpoint, name)
		}
		p := Param{Name: name, Data: make([]float32, v.DataLen()/4)}
		for _, d := range v.Shape() {
			p.Shape = append(p.Shape, int(d)) //nolint:gosec // bounded by the size of the file
		}
		raw := v.Data()
		for i := range p.Data {
			p.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		ps = append(ps, p)
	}
	if d := ps.Digest(); d != h.Digest {
		return h, nil, fmt.Errorf("%w: header %s, weights %s; copy or train it again", ErrDigest, h.Digest, d)
	}
	return h, ps, nil
}

// Save writes a checkpoint so that a crash leaves the old file or the new one.
func Save(path string, h Header, ps Params) error {
	b, err := Encode(h, ps)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(path, 0o644, b); err != nil { // weights are no secret
		return marked{fmt.Errorf("models: save: %w", err), ErrSave}
	}
	return nil
}

// Load reads a checkpoint.
func Load(path string) (Header, Params, error) {
	b, err := smallfile.Read(path, maxCheckpoint)
	if errors.Is(err, smallfile.ErrTooLarge) {
		return Header{}, nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if err != nil {
		return Header{}, nil, fmt.Errorf("models: load checkpoint: %w", err)
	}
	h, ps, err := Decode(b)
	if err != nil {
		return h, nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, ps, nil
}
