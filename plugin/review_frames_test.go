package plugin

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// TestReviewFrames: of a multi-frame series in two files, whose frames are in no
// order, the page gets the frame of every slice, and the finding names its own.
func TestReviewFrames(t *testing.T) {
	p, dir := start(t, reviewConfig(t)), t.TempDir()
	var images [][]byte
	order := rand.New(rand.NewPCG(1, 2)).Perm(48)
	for _, z := range order {
		b, err := dicomtest.Encode(patientSpec(), z)
		plugintest.Must(t, err)
		images = append(images, b)
	}
	files, err := dicomtest.MakeEnhanced(images, dicomtest.Enhanced{Parts: 2})
	plugintest.Must(t, err)
	for i, b := range files {
		plugintest.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), b, 0o600))
	}
	p.submit("/test", "1", plugintest.Job(dir))
	p.outcome(jobs.Scored, 1)
	b := signIn(t, p, "ann")
	var s struct {
		Geometry struct {
			Instances []string
			Numbers   []*int `json:"instance_numbers"`
			Frames    []*int `json:"frame_numbers"`
		}
		InstancesURL string `json:"instances_url"`
		SlicesURL    string `json:"slices_url"`
		Findings     []struct {
			Slice       *int
			ImageNumber *int `json:"image_number"`
			FrameNumber *int `json:"frame_number"`
		}
	}
	b.get("/api/v1/series/"+b.worklist("").Rows[0].ID, &s)
	g := s.Geometry
	if len(g.Frames) != 48 || len(s.Findings) != 1 {
		t.Fatalf("%+v", s)
	}
	var meta []map[string]struct{ Value []any }
	b.get(s.SlicesURL, &meta)
	for i, z := range order {
		if g.Frames[z] == nil || g.Numbers[z] == nil || *g.Frames[z] != 1+i%24 || *g.Numbers[z] != 1+i {
			t.Fatalf("slice %d is frame %v, number %v", z, g.Frames[z], g.Numbers[z])
		}
		if n := meta[z]["00081160"].Value; len(n) != 1 || n[0] != float64(1+i%24) {
			t.Errorf("slice %d has metadata of frame %v", z, n)
		}
		path := fmt.Sprintf("%s/%s/frames/%d", s.InstancesURL, g.Instances[z], *g.Frames[z])
		_, pixels := b.do("GET", path, nil, func(r *http.Request) { r.Header.Set("Accept", "application/octet-stream") })
		want := plugintest.CT().Stored(z, 3, 5)
		if len(pixels) != 2*48*48 || int(int16(binary.LittleEndian.Uint16(pixels[2*(3*48+5):]))) != want {
			t.Errorf("slice %d: %d bytes of another slice", z, len(pixels))
		}
	}
	if f := s.Findings[0]; f.Slice == nil || f.FrameNumber == nil || f.ImageNumber == nil || *f.FrameNumber != *g.Frames[*f.Slice] || *f.ImageNumber != *g.Numbers[*f.Slice] {
		t.Errorf("%+v", s.Findings[0])
	}
	b.get(s.InstancesURL+"/"+g.Instances[0]+"/metadata", &meta)
	if len(meta) != 24 {
		t.Errorf("an image of 24 frames has metadata of %d", len(meta))
	}
	region := "/api/v1/series/" + b.worklist("").Rows[0].ID + "/region?"
	for query, want := range map[string]int{
		"first=2&count=3&left=0&top=40&cols=48&rows=8": 200, "first=46&count=3&left=0&top=0&cols=48&rows=8": 400, "first=2&count=3&left=1&top=0&cols=48&rows=8": 400,
		"first=2&count=0&left=0&top=0&cols=48&rows=8": 400, "first=-1&count=1&left=0&top=0&cols=48&rows=8": 400, "first=2&count=3&left=0&top=0&cols=1&rows=8": 400, "first=2": 400,
	} {
		if res, body := b.do("GET", region+query, nil); res.StatusCode != want || want == 200 && (res.Header.Get("Content-Type") != "application/vnd.nodulescope.slice" || len(body) < 8) {
			t.Errorf("%s: %d, %d bytes", query, res.StatusCode, len(body))
		}
	}
	for _, frame := range []string{"0", "25", "-1", "x", "1.0"} {
		if res, _ := b.do("GET", s.InstancesURL+"/"+g.Instances[0]+"/frames/"+frame, nil); res.StatusCode != 404 {
			t.Errorf("frame %s: %d", frame, res.StatusCode)
		}
	}
}
