package outline

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/nodulescope/nodulescope/detector/weights"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// Name is that of the network in results and in the binary.
const Name = "outline"

// maxBytes bounds what is read as the file of a network.
const maxBytes = 64 << 20

// ErrNoNetwork says that the binary was built without a network.
var ErrNoNetwork = errors.New("outline: this binary was built without a network for outlines")

// Pretrained is an outliner with the network in the binary. Its error is
// ErrNoNetwork where there is none.
func Pretrained() (*Outliner, error) {
	b, err := weights.Files.ReadFile(weights.Name(Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoNetwork
	}
	if err != nil {
		return nil, fmt.Errorf("outline: read weights: %w", err)
	}
	tissue, err := weights.Files.ReadFile(TissueFile(weights.Name(Name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("outline: read weights: %w", err)
	}
	return Decode(b, tissue)
}

// Decode is an outliner of the bytes of a network's file, and of the file of the
// tissue that it refuses; nil: nothing that it outlines is refused.
func Decode(network, tissue []byte) (*Outliner, error) {
	o, err := decode(network)
	if err == nil && tissue != nil {
		err = o.learn(tissue)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Load is an outliner with the network in a file that CrossValidate wrote, and
// the tissue that it refuses where TissueFile lies beside it.
func Load(path string) (*Outliner, error) {
	o, err := LoadNetwork(path)
	if err != nil {
		return nil, err
	}
	b, err := readAll(TissueFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		err = o.learn(b)
	}
	if err != nil {
		return nil, fmt.Errorf("outline: %s: %w", TissueFile(path), err)
	}
	return o, nil
}

// LoadNetwork is Load of the network alone: nothing that it outlines is refused.
func LoadNetwork(path string) (*Outliner, error) {
	b, err := readAll(path)
	if err != nil {
		return nil, err
	}
	o, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("outline: %s: %w", path, err)
	}
	return o, nil
}

func readAll(path string) ([]byte, error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("outline: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("outline: read %s: %w", path, err)
	}
	if len(b) > maxBytes {
		return nil, fmt.Errorf("outline: %s is larger than %d MiB: it is no network for outlines", path, maxBytes>>20)
	}
	return b, nil
}

// learn takes the bytes of a file of Tissue.
func (o *Outliner) learn(b []byte) error {
	t, err := decodeTissue(b, o.network)
	if err == nil {
		o.tell(t)
	}
	return err
}

func decode(b []byte) (*Outliner, error) {
	h, ps, err := models.Decode(b)
	if err != nil {
		return nil, err
	}
	t, err := models.UNetOf(h, ps)
	if err != nil {
		return nil, err
	}
	return New(t, compute.Options{})
}
