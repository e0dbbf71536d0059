// Package weights holds the trained networks that are part of the binary:
// vae-ad, gan-ad and outline, each as NAME.safetensors. One that was not there
// when the binary was built is missing. outline-tissue.json holds which outlines
// are of no nodule, rungs.json what scores outlined nodules. docs/model-card.md,
// docs/outlines.md and docs/rungs.md tell how they were trained and what they are
// worth.
package weights

import "embed"

// Files holds them by the names of their files.
//
//go:embed *.safetensors *.json
var Files embed.FS

// Name is the name of the file of a network, such as "vae-ad".
func Name(network string) string { return network + ".safetensors" }
