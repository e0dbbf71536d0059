package plugin

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
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
	nodules       []bus.JobNodule
}

// digest is "sha256:" and the hex SHA-256 of the parts, each preceded by its
// length or count. The order of nodules and of models does not count, nor do a
// nodule's confidence, the id of the job, its priority or the folder: they do
// not change a score.
func (p identityParts) digest() string {
	h := digester{sha256.New()}
	h.text(identityScheme, p.source, p.seriesUID, p.instances, p.preprocessing)
	h.number(p.maxPaddingPct)
	models := slices.Sorted(slices.Values(p.models))
	h.count(len(models))
	h.text(models...)
	nodules := slices.SortedFunc(slices.Values(p.nodules), func(a, b bus.JobNodule) int { return cmp.Compare(a.ID, b.ID) })
	h.count(len(nodules))
	for _, n := range nodules {
		h.text(n.ID)
		for _, x := range n.PositionLPS {
			h.number(x)
		}
		h.number(n.DiameterMM)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// lineageKey names the results of one source on one series without telling
// either.
func lineageKey(source, seriesUID string) string {
	h := digester{sha256.New()}
	h.text("lineage", source, seriesUID)
	return hex.EncodeToString(h.Sum(nil))
}

// noduleKeys are short names of the ids of nodules.
func noduleKeys(nodules []bus.ResultNodule) []string {
	keys := make([]string, 0, len(nodules))
	for _, n := range nodules {
		h := digester{sha256.New()}
		h.text("nodule", n.ID)
		keys = append(keys, hex.EncodeToString(h.Sum(nil)[:8]))
	}
	return keys
}

// digester writes values so that no two lists of values read the same.
type digester struct{ hash.Hash }

func (d digester) count(n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	d.Write(b[:])
}

func (d digester) text(parts ...string) {
	for _, p := range parts {
		d.count(len(p))
		d.Write([]byte(p))
	}
}

// number takes -0 for 0.
func (d digester) number(x float64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], math.Float64bits(x+0))
	d.Write(b[:])
}
