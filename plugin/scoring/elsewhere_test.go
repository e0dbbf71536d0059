package scoring

import (
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// A nodule that names another series, study or frame of reference than the one
// that is scored is refused, as it is in a file of candidates; the others are as
// they are without it.
func TestNodulesOfAnotherSeries(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	alone, _, err := Score(t.Context(), req)
	plugintest.Must(t, err)
	good := req.Job.Nodules[0]
	named := func(id string, change func(*bus.JobNodule)) bus.JobNodule {
		n := good
		n.ID = id
		change(&n)
		return n
	}
	req.Job.Nodules = []bus.JobNodule{
		named("series", func(n *bus.JobNodule) { n.SeriesUID = "1.2.4" }),
		named("own", func(n *bus.JobNodule) { n.SeriesUID, n.StudyUID = alone.SeriesUID, alone.StudyUID }),
		named("study", func(n *bus.JobNodule) { n.StudyUID = "1.2.4" }),
		named("frame", func(n *bus.JobNodule) { n.FrameOfReferenceUID = "1.2.4" }),
		good,
	}
	r, details, err := Score(t.Context(), req)
	plugintest.Must(t, err)
	for i, n := range r.Nodules {
		switch n.ID {
		case "own", good.ID:
			if n.Error != nil || len(n.Scores) != 1 || n.Scores[0].Raw != alone.Nodules[0].Scores[0].Raw {
				t.Errorf("%s: %+v", n.ID, n)
			}
		default:
			if n.Error == nil || n.Error.Code != "candidate_elsewhere" || !strings.Contains(n.Error.Message, "another "+n.ID) || n.Scores != nil || n.Applicability != nil || details[i].Scores != nil {
				t.Errorf("%s: %+v", n.ID, n)
			}
		}
	}
	open, err := Prepare(t.Context(), req)
	plugintest.Must(t, err)
	_, _, err = open.Nodule(t.Context(), req.Job.Nodules[0])
	plugintest.WantCode(t, err, "candidate_elsewhere")
	// Put right, it is another job: it is not taken for answered.
	req.Job.Nodules[0].SeriesUID = r.SeriesUID
	mended, err := Prepare(t.Context(), req)
	plugintest.Must(t, err)
	if mended.Identity() == r.Identity {
		t.Error("a nodule that is put right has the result of the refused one")
	}
}

// What the series does not name is not said to be another one.
func TestSeriesThatNamesNone(t *testing.T) {
	for name, tt := range map[string]struct {
		tag  uint32
		set  func(*bus.Job)
		code coded.Code
	}{
		"study_uid":              {0x0020000D, func(j *bus.Job) { j.StudyUID = "1.2.4" }, series.CodeStudyMismatch},
		"frame_of_reference_uid": {0x00200052, func(j *bus.Job) { j.FrameOfReferenceUID = "1.2.4" }, series.CodeFrameMismatch},
	} {
		spec := plugintest.CT()
		spec.Edit = func(_ int, set dicomtest.Elements) { delete(set, tt.tag) }
		req := request(t, plugintest.WriteCT(t, spec))
		req.Job.StudyUID, req.Job.FrameOfReferenceUID = "", ""
		_, _, err := Score(t.Context(), req)
		plugintest.Must(t, err)
		tt.set(&req.Job)
		_, _, err = Score(t.Context(), req)
		plugintest.WantCode(t, err, tt.code)
		if text := coded.Summary(err); !strings.Contains(text, "name none") || !strings.Contains(text, "leave "+name+" out") || strings.Contains(text, "another") {
			t.Error(text)
		}
	}
}
