package outline

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/nodulescope/nodulescope/detector/weights"
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
	return decode(b)
}

// Load is an outliner with the network in a file that CrossValidate wrote.
func Load(path string) (*Outliner, error) {
	f, err := os.Open(path)
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
	o, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("outline: %s: %w", path, err)
	}
	return o, nil
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
