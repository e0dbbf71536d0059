package detector

import "github.com/nodulescope/nodulescope/models/compute"

// placer is a detector that can compute on a device.
type placer interface{ place(b compute.Backend) }

// Place has detectors compute on a device from their next run on; nil means
// the processor. A detector whose device fails goes on on the processor, in the
// middle of a score too, until it is placed again. Scores of a device differ
// from the processor's by rounding: see docs/gpu.md for the bounds. It may be
// called while detectors score; a device that they were on before must stay
// open until those scores have ended.
func Place(ds []Detector, b compute.Backend) {
	for _, d := range ds {
		if p, ok := d.(placer); ok {
			p.place(b)
		}
	}
}

// place implements placer.
func (d *VAEAD) place(b compute.Backend) { d.batcher.place(b) }

// place implements placer.
func (d *GANAD) place(b compute.Backend) { d.batcher.place(b) }
