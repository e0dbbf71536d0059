package dataset

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// patient is what the images of a test say of one; every field but birth and sex
// is a mark that may stand nowhere.
type patient struct{ id, name, birth, sex string }

// site is a folder of series with their results and decisions.
type site struct {
	t      *testing.T
	dir    string
	in     Input
	opt    Options
	series int
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	key, _, err := LoadKey(filepath.Join(t.TempDir(), "site.key"))
	plugintest.Must(t, err)
	s := &site{t: t, dir: filepath.Join(dir, "ZZMARKFOLDER"), opt: Options{Key: key, Outliner: plugintest.Outliner(t), Software: "test"}}
	s.in.Folders = []string{s.dir}
	return s
}

// add writes a series of a patient, with a ball of 12 mm around the origin, and
// scores candidates at the given places. frame names the frame of reference.
func (s *site) add(p patient, frame string, at ...[3]float64) *bus.Result {
	s.t.Helper()
	s.series++
	spec := plugintest.CT()
	spec.StudyUID = "1.2.826.0.1.999.1." + fmt.Sprint(s.series)
	spec.SeriesUID, spec.FrameUID = spec.StudyUID+".2", "1.2.826.0.1.999.3."+frame
	spec.Edit = func(_ int, set dicomtest.Elements) {
		set.Set(0x00100010, "PN", p.name)
		set.Set(0x00100020, "LO", p.id)
		set.Set(0x00100030, "DA", p.birth)
		set.Set(0x00100040, "CS", p.sex)
		set.Set(0x00080050, "SH", "ZZMARKACC")
		set.Set(0x00080090, "PN", "ZZMARKDOCTOR")
		set.Set(0x00080070, "LO", "Maker")
		set.Set(0x00181210, "SH", "B70")
	}
	dir := filepath.Join(s.dir, "ZZMARKSUB", fmt.Sprint(s.series))
	plugintest.Must(s.t, dicomtest.WriteSeries(dir, spec))
	uri, err := series.FileURI(dir)
	plugintest.Must(s.t, err)
	job := bus.Job{SeriesUID: spec.SeriesUID, URI: uri, Nodules: []bus.JobNodule{}}
	for i, lps := range at {
		job.Nodules = append(job.Nodules, bus.JobNodule{ID: fmt.Sprintf("ZZMARKNODULE-%d", i+1), PositionLPS: lps, DiameterMM: 12, Confidence: 0.9})
	}
	r, _, err := scoring.Score(plugintest.Context(s.t), scoring.Request{
		JobID: "ZZMARKJOB", Source: "/ZZMARKSOURCE", Job: job, Detectors: []detector.Detector{plugintest.Detector(s.t)}, Outliner: s.opt.Outliner, NoDetails: true,
	})
	plugintest.Must(s.t, err)
	s.in.Results = append(s.in.Results, r)
	return &s.in.Results[len(s.in.Results)-1]
}

// decide adds a decision; version also is the day.
func (s *site) decide(r *bus.Result, n int, reader string, verdict bus.Verdict, kind bus.Kind, version int) {
	s.in.Reviews = append(s.in.Reviews, bus.Review{
		Identity: r.Identity, NoduleID: r.Nodules[n].ID, Verdict: verdict, Kind: kind, Reviewer: reader, Version: version,
		Comment: "ZZMARKCOMMENT", Time: time.Date(2026, 1, version, 8, 0, 0, 0, time.UTC),
	})
}

func (s *site) plan() *Plan {
	s.t.Helper()
	p, err := NewPlan(plugintest.Context(s.t), s.in, s.opt)
	plugintest.Must(s.t, err)
	return p
}

func (s *site) build() *Set {
	s.t.Helper()
	set, err := s.plan().Build(plugintest.Context(s.t))
	plugintest.Must(s.t, err)
	return set
}

// excluded are the counts of one reason.
func (c *Card) excluded(code any) Exclusion {
	for _, x := range c.Exclusions {
		if x.Code == fmt.Sprint(code) {
			return x
		}
	}
	return Exclusion{}
}

var (
	ann   = patient{"ZZMARKID1", "ZZMARKANN^A", "19500101", "F"}
	bob   = patient{"ZZMARKID2", "ZZMARKBOB^B", "19600101", "M"}
	carol = patient{"ZZMARKID3", "ZZMARKCAROL^C", "19700101", "F"}
)
