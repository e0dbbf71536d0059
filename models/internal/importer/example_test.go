package importer_test

import (
	"errors"
	"fmt"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/internal/importer"
)

// Weights come from safetensors.torch.save_file. What torch.save writes is
// refused, with what to do instead.
func ExampleDecodeTorch() {
	_, err := importer.DecodeTorch([]byte("PK\x03\x04..."), models.ReferenceVAE)
	fmt.Println(errors.Is(err, importer.ErrWeights))
	fmt.Println(err)
	// Output:
	// true
	// importer: not the weights of this network: a file of torch.save; write it with safetensors.torch.save_file(vae.state_dict(), path)
}
