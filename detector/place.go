package detector

import (
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// placer is a detector that can compute on a device.
type placer interface{ place(b compute.Backend) }

// Place has detectors compute on a device from their next score on; nil means
// the processor. A detector whose device fails goes on on the processor, in the
// middle of a score too. Scores of a device differ from the processor's by
// rounding: see docs/gpu.md for the bounds. Place must not be called while a
// detector scores.
func Place(ds []Detector, b compute.Backend) {
	for _, d := range ds {
		if p, ok := d.(placer); ok {
			p.place(b)
		}
	}
}

// place implements placer.
func (d *VAEAD) place(b compute.Backend) { d.backend, d.slot = b, newSlot[models.Scorer]() }

// place implements placer.
func (d *GANAD) place(b compute.Backend) { d.backend, d.slot = b, newSlot[models.Searcher]() }
