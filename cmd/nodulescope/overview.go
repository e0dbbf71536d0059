package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

//go:embed overview.html
var overviewHTML string

// overview is what the page shows.
type overview struct {
	Result       bus.Result
	IntendedUse  string
	Software     string
	Columns      []string
	Rows         [][]string
	Models       []string
	Headlines    [][]string // empty where nodules have none
	HeadlineHead []string
	Rungs        []string
	Outlines     [][]string // what was measured; empty where nodules were not outlined
	OutlineHead  []string
	Outliner     string
	Warnings     []string
	Nodules      []overviewNodule
}

type overviewNodule struct {
	ID, Kind, Refused, Nothing, Differ string
	Pictures                           []template.URL
}

// overviewPage makes one HTML file that needs nothing else: pictures are in it.
func overviewPage(r bus.Result, pictures []picture, nodules []phantom.Nodule) ([]byte, error) {
	kinds := map[string]string{}
	for _, n := range nodules {
		kinds[n.ID] = string(n.Kind)
	}
	o := overview{Result: r, IntendedUse: use.Statement, Software: r.Software, Columns: resultColumns(r), Rows: resultRows(r)}
	for _, m := range r.Models {
		o.Models = append(o.Models, describeModel(m))
	}
	o.HeadlineHead, o.Headlines, o.Rungs = headlineColumns, headlineRows(r), describeHeadlines(r)
	o.OutlineHead, o.Outlines = outlineColumns, outlineRows(r)
	if r.Outliner != nil {
		o.Outliner = describeOutliner(*r.Outliner)
	}
	for _, w := range r.Warnings {
		o.Warnings = append(o.Warnings, reason(w))
	}
	for _, n := range r.Nodules {
		shown := overviewNodule{ID: n.ID, Kind: kinds[n.ID]}
		switch {
		case notFound(n):
			shown.Nothing = reason(*n.Error)
		case n.Error != nil:
			shown.Refused = reason(*n.Error)
		}
		if n.Disagreement != nil && n.Disagreement.FlagsDiffer {
			shown.Differ = whoFlags(n.Scores)
		}
		for _, p := range pictures {
			if p.noduleID == n.ID {
				shown.Pictures = append(shown.Pictures, template.URL("data:image/png;base64,"+base64.StdEncoding.EncodeToString(p.png))) //nolint:gosec // made here
			}
		}
		o.Nodules = append(o.Nodules, shown)
	}
	page, err := template.New("overview").Parse(overviewHTML)
	if err != nil {
		return nil, fmt.Errorf("overview: %w", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, o); err != nil {
		return nil, fmt.Errorf("overview: %w", err)
	}
	return b.Bytes(), nil
}
