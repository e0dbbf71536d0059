package detector

import (
	"embed"
	"fmt"
)

//go:embed weights
var weights embed.FS

// Pretrained returns the detector in the binary: docs/model-card.md tells how
// it was trained and what it is worth.
func Pretrained() (*VAEAD, error) {
	b, err := weights.ReadFile("weights/vae-ad.safetensors")
	if err != nil {
		return nil, fmt.Errorf("detector: this binary was built without weights: %w", err)
	}
	return DecodeVAEAD(b)
}
