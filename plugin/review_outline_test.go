package plugin

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// TestReviewShowsOutlines: the page gets what was measured and the mask itself,
// made again, at the place that the finding names; and that there is no nodule.
func TestReviewShowsOutlines(t *testing.T) {
	cfg := reviewConfig(t)
	cfg.Outliner = plugintest.Outliner(t)
	p := start(t, cfg)
	job := plugintest.Job(plugintest.WriteCT(t, patientSpec()))
	job.Nodules[0].PositionLPS = [3]float64{2, -3, 1} // beside the ball in the middle
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "lung", PositionLPS: [3]float64{-12, 0, 0}})
	p.submit("/test", "1", job)
	p.outcome(jobs.Scored, 1)
	b := signIn(t, p, "ann")
	row := b.worklist("").Rows[0]
	if row.Flag == "unknown" {
		t.Error("a place without a nodule makes the series one of which nothing is known")
	}
	type grid struct {
		Size    [3]int     `json:"size"`
		Spacing float64    `json:"spacing_mm"`
		Origin  [3]float64 `json:"origin_lps_mm"`
	}
	var s struct {
		Outliner *bus.Outliner `json:"outliner"`
		Findings []struct {
			Number  int
			Outline *struct {
				Found        bool
				Codes        []struct{ Code, Label string }
				Grid         *grid
				Measurements *measure.Measurements
			}
			Problem *bus.Problem
			Patch   *grid
		}
	}
	b.get("/api/v1/series/"+row.ID, &s)
	ball, lung := s.Findings[0], s.Findings[1]
	if s.Outliner == nil || s.Outliner.Digest != cfg.Outliner.Digest() || ball.Outline == nil || !ball.Outline.Found || ball.Outline.Grid == nil ||
		ball.Outline.Measurements == nil || math.Abs(ball.Outline.Measurements.DiameterMM-12) > 0.3 {
		t.Fatalf("%+v", s)
	}
	if lung.Outline == nil || lung.Outline.Found || lung.Outline.Grid != nil || len(lung.Outline.Codes) != 1 || lung.Problem.Code != "nodule_not_found" || lung.Patch == nil {
		t.Errorf("%+v", lung)
	}
	path := "/api/v1/series/" + row.ID + "/findings/"
	res, body := b.do("GET", path+"1/images/outline", nil)
	if res.StatusCode != 200 || len(body) != 4*nodule.CubeVoxels {
		t.Fatalf("%d, %d bytes", res.StatusCode, len(body))
	}
	g, wrong := ball.Outline.Grid, 0
	for i := range nodule.CubeVoxels {
		z, y, x := i/(32*32), i/32%32, i%32
		var d float64
		for axis, n := range [3]int{x, y, z} {
			v := g.Origin[axis] + float64(n)*g.Spacing
			d += v * v
		}
		if in := math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:])) == 1; in != (d < 36) {
			wrong++
		}
	}
	if wrong > 20 { // of 905 voxels
		t.Errorf("%d voxels of the ball are not where the grid says", wrong)
	}
	b.code(409, "no_patch", "GET", path+"2/images/outline", "")
	b.code(400, "request_invalid", "GET", path+"1/images/outline?format=png", "")
	plugintest.Must(t, p.stop())

	// What was kept is shown still; where it is lost, another network cannot draw what this one has outlined.
	other := plugintest.Network()
	other.Params[0].Data[0] = 1
	var err error
	cfg.Outliner, err = outline.New(other, compute.Options{})
	plugintest.Must(t, err)
	p = start(t, cfg)
	b = signIn(t, p, "ann")
	if res, again := b.do("GET", path+"1/images/outline", nil); res.StatusCode != 200 || !bytes.Equal(again, body) {
		t.Errorf("%d, %d bytes", res.StatusCode, len(again))
	}
	plugintest.Must(t, p.stop())
	plugintest.Must(t, os.RemoveAll(filepath.Join(cfg.DataDir, picturesFolder)))
	p = start(t, cfg)
	b = signIn(t, p, "ann")
	b.code(409, "model_not_loaded", "GET", path+"1/images/outline", "")
}
