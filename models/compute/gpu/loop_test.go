package gpu

import (
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
	"gorgonia.org/gorgonia"
)

// descent is conform.Descent.
func descent(t *testing.T, rounds int) (gorgonia.Nodes, *compute.Loop) {
	t.Helper()
	outs, l, err := conform.Descent(rounds)
	if err != nil {
		t.Fatal(err)
	}
	return outs, l
}
