package rungs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/weights"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// formatVersion is that of the file. Another meaning of a feature needs another.
const formatVersion = 1

// maxBytes bounds what is read as a file of rungs.
const maxBytes = 8 << 20

// Rungs are all rungs of one training, and where they come from.
type Rungs struct {
	Format      int      `json:"format"`
	Features    []string `json:"features"`          // in the order of the columns
	Outline     string   `json:"outline"`           // what outlined the nodules of the training
	Network     string   `json:"network,omitempty"` // digest of the network that outlined; empty: none, or one a fold
	Data        string   `json:"data"`              // digest of the data set
	Attribution string   `json:"attribution,omitempty"`
	Seed        uint64   `json:"seed"`
	Rungs       []Rung   `json:"rungs"`
	Plain       model    `json:"plain"` // of the row beside them

	digest     string
	prevalence float64 // see AtPrevalence
}

// Digest is that of the file that the rungs were read from or would be written to.
func (r *Rungs) Digest() string { return r.digest }

// Encode is the file: JSON, the same for the same rungs.
func (r *Rungs) Encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("rungs: encode: %w", err)
	}
	return append(b, '\n'), nil
}

// Save writes the file so that a crash leaves the old or the new.
func (r *Rungs) Save(path string) error {
	b, err := r.Encode()
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, 0o644, b)
}

// Load reads a file that Save wrote; what else it holds is refused with
// CodeInvalid.
func Load(path string) (*Rungs, error) {
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("rungs: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("rungs: read %s: %w", path, err)
	}
	r, err := Decode(b)
	if err != nil {
		return nil, fmt.Errorf("rungs: %s: %w", path, err)
	}
	return r, nil
}

// Name is that of the file of rungs in the binary.
const fileName = "rungs.json"

// Pretrained are the rungs in the binary: docs/model-card.md tells how they were
// trained and what they are worth.
func Pretrained() (*Rungs, error) {
	b, err := weights.Files.ReadFile(fileName)
	if err != nil {
		return nil, fmt.Errorf("rungs: this binary was built without rungs: %w", err)
	}
	return Decode(b)
}

// Decode reads the bytes of a file. It refuses what is larger than 8 MiB, no
// rungs, of other features than this program extracts, or has numbers that no
// training gives, with CodeInvalid.
func Decode(b []byte) (*Rungs, error) {
	refuse := func(hint string, cause error) (*Rungs, error) {
		return nil, coded.New(CodeInvalid, "read rungs", hint+"; train them again with 'nodulescope rungs'", cause)
	}
	if len(b) > maxBytes {
		return refuse("the file is too large", nil)
	}
	r := &Rungs{digest: digest.Of(b)}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil || d.More() {
		return refuse("the file is damaged or no file of rungs", err)
	}
	var names []string
	for _, f := range features.All() {
		names = append(names, f.Name)
	}
	if r.Format != formatVersion || !slices.Equal(r.Features, names) {
		return refuse("the file is of another version or of other features", nil)
	}
	if r.Plain.Waves != nil || !r.Plain.sound(features.Count) {
		return refuse("the plain row is not one that a training gives", nil)
	}
	seen := map[string]bool{}
	for i := range r.Rungs {
		g := &r.Rungs[i]
		name := g.Name.row(g.Diameter)
		if !slices.Contains(Names(), g.Name) || seen[name] || !g.sound() {
			return refuse("a rung is not one that a training gives", nil)
		}
		seen[name] = true
	}
	for _, n := range Names() {
		if !seen[n.row(false)] {
			return refuse("a rung is missing", nil)
		}
	}
	return r, nil
}

// sound checks sizes and numbers, and prepares what the file does not hold.
func (r *Rung) sound() bool {
	width := features.Count
	if r.Diameter {
		width++
	}
	c := &r.Calibration
	if len(c.Reference) == 0 || !slices.IsSorted(c.Reference) || !finite(c.Reference...) ||
		!finite(c.Logistic.Intercept, c.Logistic.Slope, c.Threshold) || !finite(c.Covariance[:]...) || len(r.Held) > 100 || !r.Model.sound(width) {
		return false
	}
	for i := range r.Held {
		if !r.Held[i].sound(width) {
			return false
		}
	}
	return true
}

func (m *model) sound(width int) bool {
	n := width
	if w := m.Waves; w != nil {
		if w.Width != width || w.Count < 1 || w.Count > maxWaves || !(w.Gamma > 0) || !finite(w.Gamma) {
			return false
		}
		n += w.Count
		w.draw()
	}
	s := &m.Scale
	for _, list := range [][]float64{s.Low, s.High, s.Mean, s.SD} {
		if len(list) != width || !finite(list...) {
			return false
		}
	}
	return len(m.Weight) == n+1 && finite(m.Weight...)
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}
