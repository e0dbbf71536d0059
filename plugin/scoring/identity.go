package scoring

import (
	"cmp"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// identityScheme is part of every identity. It changes when what stands between
// a series and its result changes in a way that no other part tells.
const identityScheme = "nodulescope/result/v1"

// identityParts is all that a result follows from.
type identityParts struct {
	source        string // of the job
	seriesUID     string
	instances     string // digest of the set of SOP instances that were read
	preprocessing string
	maxPaddingPct float64  // what is refused is part of a result too
	models        []string // digests, which cover weights and calibration
	outliner      string   // digest; empty where nodules are not outlined
	rungs         string   // digest; empty where they have no headline
	prevalence    float64  // of the site, 0: that of the rungs' calibration
	nodules       []bus.JobNodule
	elsewhere     []string // ids of those that name what the series is not, which are refused
}

// digest is "sha256:" and the hex SHA-256 of the parts, each preceded by its
// length or count. The order of nodules and of models does not count, nor do a
// nodule's confidence, the id of the job, its priority or the folder: they do
// not change a score.
func (p identityParts) digest() string {
	h := digest.New()
	h.Text(identityScheme, p.source, p.seriesUID, p.instances, p.preprocessing)
	h.Number(p.maxPaddingPct)
	models := slices.Sorted(slices.Values(p.models))
	h.Count(len(models))
	h.Text(models...)
	nodules := slices.SortedFunc(slices.Values(p.nodules), func(a, b bus.JobNodule) int { return cmp.Compare(a.ID, b.ID) })
	h.Count(len(nodules))
	for _, n := range nodules {
		h.Text(n.ID)
		for _, x := range n.PositionLPS {
			h.Number(x)
		}
		h.Number(n.DiameterMM)
	}
	if len(p.elsewhere) > 0 {
		h.Text("elsewhere")
		h.Count(len(p.elsewhere))
		h.Text(slices.Sorted(slices.Values(p.elsewhere))...)
	}
	if p.outliner != "" { // results without outlines keep the identity that they had before there were any
		h.Text("outliner", p.outliner)
	}
	if p.rungs != "" {
		h.Text("rungs", p.rungs)
		h.Number(p.prevalence)
	}
	return h.Digest()
}
