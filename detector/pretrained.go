package detector

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/nodulescope/nodulescope/detector/weights"
)

// Pretrained returns VAE-AD with the weights in the binary: docs/model-card.md
// tells how it was trained and what it is worth.
func Pretrained() (*VAEAD, error) {
	b, err := weights.Files.ReadFile(weights.Name(VAEName))
	if err != nil {
		return nil, fmt.Errorf("detector: this binary was built without weights: %w", err)
	}
	return decodeVAEAD(b)
}

// PretrainedAll returns every detector in the binary, the quickest first:
// VAE-AD, then GAN-AD where its weights were there when it was built.
func PretrainedAll() ([]Detector, error) { return decodeAll(weights.Files) }

func decodeAll(files fs.FS) ([]Detector, error) {
	var ds []Detector
	for _, name := range []string{VAEName, GANName} {
		b, err := fs.ReadFile(files, weights.Name(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("detector: read weights: %w", err)
		}
		d, err := Decode(b)
		if err != nil {
			return nil, fmt.Errorf("detector: weights of %s: %w", name, err)
		}
		if d.Name() != name {
			return nil, fmt.Errorf("detector: weights of %s are those of %s: put each file under its own name", name, d.Name())
		}
		ds = append(ds, d)
	}
	if len(ds) == 0 {
		return nil, errors.New("detector: this binary was built without weights")
	}
	return ds, nil
}
