package scoring

import (
	"math"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
)

func sampleParts() identityParts {
	return identityParts{
		source: "/detector/a", seriesUID: "1.2.3", instances: "sha256:aa", preprocessing: "v1", maxPaddingPct: 25,
		models: []string{"sha256:m1", "sha256:m2"},
		nodules: []bus.JobNodule{
			{ID: "a", PositionLPS: [3]float64{1, 2, 3}, DiameterMM: 4, Confidence: 0.5},
			{ID: "b", PositionLPS: [3]float64{-1, 0, 3}, DiameterMM: 0},
		},
	}
}

func TestIdentityOfEveryPart(t *testing.T) {
	seen := map[string]string{sampleParts().digest(): "the original"}
	for name, change := range map[string]func(*identityParts){
		"source":         func(p *identityParts) { p.source = "/detector/b" },
		"series":         func(p *identityParts) { p.seriesUID = "1.2.4" },
		"moved boundary": func(p *identityParts) { p.source, p.seriesUID = "/detector/a1", ".2.3" },
		"instances":      func(p *identityParts) { p.instances = "sha256:ab" },
		"preprocessing":  func(p *identityParts) { p.preprocessing = "v2" },
		"padding limit":  func(p *identityParts) { p.maxPaddingPct = 26 },
		"a model":        func(p *identityParts) { p.models[1] = "sha256:m3" },
		"fewer models":   func(p *identityParts) { p.models = p.models[:1] },
		"one elsewhere":  func(p *identityParts) { p.elsewhere = []string{"a"} },
		"the other one":  func(p *identityParts) { p.elsewhere = []string{"b"} },
		"an outliner":    func(p *identityParts) { p.outliner = "sha256:o1" },
		"another one":    func(p *identityParts) { p.outliner = "sha256:o2" },
		"id":             func(p *identityParts) { p.nodules[0].ID = "c" },
		"x":              func(p *identityParts) { p.nodules[0].PositionLPS[0] = math.Nextafter(1, 2) },
		"y":              func(p *identityParts) { p.nodules[0].PositionLPS[1] = 2.5 },
		"z":              func(p *identityParts) { p.nodules[1].PositionLPS[2] = 4 },
		"diameter":       func(p *identityParts) { p.nodules[1].DiameterMM = 1 },
		"swapped ids":    func(p *identityParts) { p.nodules[0].ID, p.nodules[1].ID = "b", "a" },
		"fewer nodules":  func(p *identityParts) { p.nodules = p.nodules[:1] },
		"no nodules":     func(p *identityParts) { p.nodules = nil },
	} {
		p := sampleParts()
		change(&p)
		if other, same := seen[p.digest()]; same {
			t.Errorf("%s has the identity of %s", name, other)
		}
		seen[p.digest()] = name
	}
}

func TestIdentityDoesNotCount(t *testing.T) {
	want := sampleParts().digest()
	for name, change := range map[string]func(*identityParts){
		"order of nodules": func(p *identityParts) { slices.Reverse(p.nodules) },
		"order of models":  func(p *identityParts) { slices.Reverse(p.models) },
		"confidence":       func(p *identityParts) { p.nodules[0].Confidence = 0.9 },
		"sign of zero":     func(p *identityParts) { p.nodules[1].PositionLPS[1] = math.Copysign(0, -1) },
	} {
		p := sampleParts()
		change(&p)
		if p.digest() != want {
			t.Errorf("%s changes the identity", name)
		}
	}
	p := sampleParts()
	slices.Reverse(p.nodules)
	p.digest()
	if p.nodules[0].ID != "b" {
		t.Error("the order of the caller's nodules was changed")
	}
}

// The identity is kept in ledgers and reports: the same parts must give the
// same digest in every version. This one was computed by the first.
func TestIdentityIsStable(t *testing.T) {
	const want = "sha256:3ad7d0f00857b9651a8945c249ef420f30c260e236b3d90129ca38afc18572f5"
	if got := sampleParts().digest(); got != want {
		t.Errorf("%s, want %s: results in ledgers would be made again; change identityScheme only on purpose", got, want)
	}
}
