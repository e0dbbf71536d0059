package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// picture is the panel of one nodule and one model.
type picture struct {
	noduleID string
	name     string // of the file
	png      []byte
}

// drawPictures draws a panel for every score. The cubes are cut once more, for
// what surrounds the voxels that were scored.
func drawPictures(ctx context.Context, series *dicomio.Series, r bus.Result, details []scoring.Detail) ([]picture, error) {
	cutter, err := nodule.NewCutter(series.Geometry, series, nodule.CutOptions{})
	if err != nil {
		return nil, err
	}
	candidates := make([]nodule.Candidate, len(r.Nodules))
	for i, n := range r.Nodules {
		candidates[i] = nodule.Candidate{ID: n.ID, PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM}
	}
	cubes, err := cutter.CutAll(ctx, candidates)
	if err != nil {
		return nil, err
	}
	var pictures []picture
	used := map[string]bool{}
	for i, n := range r.Nodules {
		for _, s := range n.Scores {
			k := modelIndex(r.Models, s.Digest)
			if k < 0 || i >= len(details) || k >= len(details[i].Scores) {
				continue
			}
			panel := figure.Panel{
				Title: n.ID, Lines: panelLines(n, s),
				Patch: details[i].Patch, Reconstruction: details[i].Scores[k].Reconstruction,
			}
			if cubes[i].Cube != nil {
				panel.Scan = figure.Scan(cubes[i].Cube)
			}
			if f := details[i].Outline; f != nil {
				panel.Nodule = f.OnPatch()
			}
			stem := n.ID
			if len(r.Models) > 1 {
				stem += "-" + s.Model
			}
			var b bytes.Buffer
			if err := panel.WritePNG(&b); err != nil {
				return nil, err
			}
			pictures = append(pictures, picture{noduleID: n.ID, name: fileName(stem, i+1, used), png: b.Bytes()})
		}
	}
	return pictures, nil
}

func panelLines(n bus.ResultNodule, s bus.NoduleScore) []string {
	p := n.PositionLPS
	flag := "not flagged"
	if s.Anomalous {
		flag = "flagged: above the threshold of its model"
	}
	lines := []string{
		fmt.Sprintf("LPS %.1f %.1f %.1f mm, diameter %s, %s %s", p[0], p[1], p[2], diameter(n.DiameterMM), s.Model, shortDigest(s.Digest)),
		fmt.Sprintf("score %.5g, probability %s, percentile %.1f, %s", s.Raw, probability(s), s.Percentile, flag),
	}
	if n.Outline != nil {
		lines = append(lines, "outline: "+n.Outline.String())
	}
	return append(lines, use.Purpose, use.Meaning)
}

func modelIndex(models []bus.Model, digest string) int {
	for k, m := range models {
		if m.Digest == digest {
			return k
		}
	}
	return -1
}

// fileName makes a file name of an id: letters, digits, dot, hyphen and
// underscore stay. The number tells apart what would be the same.
func fileName(id string, number int, used map[string]bool) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, id)
	name = strings.TrimLeft(name, ".-")
	if name != id || used[strings.ToLower(name)] {
		name = fmt.Sprintf("%s-%d", name, number)
	}
	used[strings.ToLower(name)] = true
	return name + ".png"
}

// savePictures writes pictures into a folder, which is made if it is missing.
func savePictures(dir string, pictures []picture) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write pictures: %w", err)
	}
	for _, p := range pictures {
		if err := os.WriteFile(filepath.Join(dir, p.name), p.png, 0o644); err != nil { //nolint:gosec // pictures are for others too
			return fmt.Errorf("write pictures: %w", err)
		}
	}
	return nil
}
