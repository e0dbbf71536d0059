package plugin

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Pictures are made when a finding is scored and kept: they come from no detector
// and no image, and are made again where they are lost. They go with their result.
func TestPicturesAreKept(t *testing.T) {
	scored := 0
	cfg := reviewConfig(t)
	cfg.Outliner = plugintest.Outliner(t)
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: plugintest.Detector(t), Before: func(context.Context, []nodule.Patch) error { scored++; return nil }}}
	p := start(t, cfg)
	dir := plugintest.WriteCT(t, patientSpec())
	p.submit("/test", "1", plugintest.Job(dir))
	p.outcome(jobs.Scored, 1)
	away := dir + "-away"
	plugintest.Must(t, os.Rename(dir, away))
	b := signIn(t, p, "ann")
	id := b.worklist("").Rows[0].ID
	kinds := []string{"scan", "patch", "support", "reconstruction", "residual", "outline"}
	pictures := func() (all [][]byte) {
		for _, kind := range kinds {
			res, body := b.do("GET", "/api/v1/series/"+id+"/findings/1/images/"+kind, nil)
			if res.StatusCode != 200 {
				t.Errorf("%s: %d %.200s", kind, res.StatusCode, body)
			}
			all = append(all, body)
		}
		return all
	}
	kept := pictures()
	if scored != 1 {
		t.Errorf("scored %d times", scored)
	}
	plugintest.Must(t, p.stop())
	plugintest.Must(t, os.Rename(away, dir))
	files, err := filepath.Glob(filepath.Join(cfg.DataDir, picturesFolder, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	plugintest.Must(t, os.WriteFile(files[0], []byte("damaged"), 0o600))

	p = start(t, cfg)
	b = signIn(t, p, "ann")
	for i, again := range pictures() {
		if !bytes.Equal(again, kept[i]) {
			t.Errorf("%s is another where it is made again", kinds[i])
		}
	}
	if scored == 1 {
		t.Error("nothing was scored again, so that nothing was lost")
	}
	plugintest.Must(t, os.WriteFile(filepath.Join(cfg.DataDir, picturesFolder, "of-no-result.zip"), nil, 0o600))
	p.expire(p.state().kept)
	if left, err := filepath.Glob(filepath.Join(cfg.DataDir, picturesFolder, "*")); err != nil || len(left) != 1 || left[0] != files[0] {
		t.Errorf("%v %v", left, err)
	}
}
