package review

import (
	"net/http"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

type geometryAnswer struct {
	Slices     int         `json:"slices"`
	Rows       int         `json:"rows"`
	Cols       int         `json:"cols"`
	SpacingMM  [3]float64  `json:"spacing_mm"`
	Origin     dicomio.Vec `json:"origin_lps_mm"`
	ColStep    dicomio.Vec `json:"col_step_mm"`
	RowStep    dicomio.Vec `json:"row_step_mm"`
	Line       dicomio.Vec `json:"line"`
	Normal     dicomio.Vec `json:"normal"`
	Offsets    []float64   `json:"offsets_mm"`
	TiltDeg    float64     `json:"tilt_deg"`
	Missing    int         `json:"missing_slices"`
	FrameOfRef string      `json:"frame_of_reference_uid"`
	Instances  []string    `json:"instances"`
	Numbers    []*int      `json:"instance_numbers"`
	Frames     []*int      `json:"frame_numbers"`
	Kernel     string      `json:"kernel"`
	Thickness  *float64    `json:"slice_thickness_mm"`
}

func geometryOf(series *dicomio.Series) *geometryAnswer {
	g := series.Geometry
	a := &geometryAnswer{
		Slices: g.Slices, Rows: g.Rows, Cols: g.Cols, SpacingMM: g.SpacingMM, Origin: g.Origin, ColStep: g.ColStep, RowStep: g.RowStep,
		Line: g.Line, Normal: g.Normal, Offsets: g.Offsets, TiltDeg: g.TiltDeg, FrameOfRef: series.FrameOfReferenceUID,
	}
	for _, gap := range g.Missing {
		a.Missing += gap.Count
	}
	for _, slice := range series.Slices {
		a.Instances = append(a.Instances, slice.SOPInstanceUID)
		a.Numbers, a.Frames = append(a.Numbers, numberOf(slice)), append(a.Frames, frameNumber(slice))
	}
	for _, v := range series.Volumes {
		if v.Why == "" { // the one that was taken
			a.Kernel, a.Thickness = v.Kernel, store.Known(v.ThicknessMM)
		}
	}
	return a
}

// numberOf is the number that other viewers show for an image, nil where it has
// none.
func numberOf(slice dicomio.Slice) *int {
	if slice.InstanceNumber == 0 {
		return nil
	}
	return &slice.InstanceNumber
}

// frameNumber is the number of a frame in its file, from 1; nil where it is a file
// of its own.
func frameNumber(slice dicomio.Slice) *int {
	if !dicomio.MultiFrame(slice.SOPClassUID) {
		return nil
	}
	n := slice.Frame + 1
	return &n
}

type modelAnswer struct {
	Name        string  `json:"name"`
	Digest      string  `json:"digest"`
	Calibration string  `json:"calibration"`
	Prevalence  float64 `json:"prevalence"`
	Threshold   float64 `json:"threshold"`
	Loaded      bool    `json:"loaded"`
}

// detectorOf is the loaded detector with a digest, nil where there is none.
func (s *Server) detectorOf(digest string) detector.Detector {
	if s.cfg.Detectors == nil {
		return nil
	}
	for _, d := range s.cfg.Detectors() {
		if d.Digest() == digest {
			return d
		}
	}
	return nil
}

type seriesAnswer struct {
	ID             string          `json:"id"`
	Identity       string          `json:"identity"`
	StudyUID       string          `json:"study_uid"`
	SeriesUID      string          `json:"series_uid"`
	Patient        *patient        `json:"patient"`
	PatientProblem *bus.Problem    `json:"patient_problem,omitempty"`
	State          store.State     `json:"state"`
	Priority       string          `json:"priority"`
	Time           time.Time       `json:"time"`
	Geometry       *geometryAnswer `json:"geometry"`
	SourceProblem  *bus.Problem    `json:"source_problem,omitempty"`
	Slices         int             `json:"slices"`
	SlicesURL      string          `json:"slices_url"`
	InstancesURL   string          `json:"instances_url"`
	WindowPresets  []windowPreset  `json:"window_presets"`
	Models         []modelAnswer   `json:"models"`
	Outliner       *bus.Outliner   `json:"outliner"`
	Findings       []finding       `json:"findings"`
	Warnings       []bus.Problem   `json:"warnings"`
	Problem        *bus.Problem    `json:"problem"`
	Software       string          `json:"software"`
	Preprocessing  string          `json:"preprocessing"`
	IntendedUse    string          `json:"intended_use"`
	Asked          asked           `json:"asked"`
	SupersededBy   *string         `json:"superseded_by"`
	Supersedes     *string         `json:"supersedes"`
	EventID        string          `json:"event_id"`
}

// asked is what the job wanted to know.
type asked struct {
	Candidates int    `json:"candidates"`
	Source     string `json:"source"`
	JobID      string `json:"job_id"`
}

func (s *Server) getSeries(w http.ResponseWriter, r *http.Request, who *signin.Session, record store.Record) error {
	base := "/api/v1/dicom-web/studies/" + record.StudyUID + "/series/" + record.SeriesUID
	a := seriesAnswer{
		ID: record.ID, StudyUID: record.StudyUID, SeriesUID: record.SeriesUID, State: s.cfg.Store.StateOf(record.ID),
		Priority: record.Priority, Time: record.Time.UTC(), SlicesURL: base + "/metadata", InstancesURL: base + "/instances",
		WindowPresets: windowPresets(), Models: []modelAnswer{}, Findings: []finding{}, Warnings: []bus.Problem{}, Problem: record.Problem,
		IntendedUse: s.cfg.IntendedUse, SupersededBy: store.Nullable(record.SupersededBy), Supersedes: store.Nullable(record.Supersedes),
		EventID: s.cfg.Store.Events.LastID(), Asked: asked{record.Nodules, record.Source, record.JobID},
	}
	a.Patient, a.PatientProblem = s.readPatient(r.Context(), record)
	var series *dicomio.Series
	if held, err := s.open(r.Context(), record); err != nil {
		p := s.cfg.Source.Summary(err)
		a.SourceProblem = &p
	} else {
		series = held.Series
		a.Geometry, a.Slices = geometryOf(series), series.Geometry.Slices
	}
	if res := record.Result; res != nil {
		a.Identity, a.Software, a.Preprocessing, a.IntendedUse = res.Identity, res.Software, res.Preprocessing, res.IntendedUse
		a.Slices = res.Geometry.Slices
		a.Warnings = append(a.Warnings, res.Warnings...)
		for _, m := range res.Models {
			a.Models = append(a.Models, modelAnswer{m.Name, m.Digest, m.Calibration, m.Prevalence, m.Threshold, s.detectorOf(m.Digest) != nil})
		}
		a.Outliner = res.Outliner
		a.Findings = s.findings(record, series)
	}
	if err := s.cfg.Store.MarkRead(who.User(), record.ID, s.now()); err != nil {
		return answer.Fail(http.StatusInternalServerError, answer.CodeLedger, "the ledger cannot be written; is the disk full?", err)
	}
	return answer.JSON(w, "application/json", a)
}

// windowPreset is a way to show HU.
type windowPreset struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`
	Center float64 `json:"center"`
	Width  float64 `json:"width"`
}

// windowPresets are those that radiologists expect for a chest.
func windowPresets() []windowPreset {
	return []windowPreset{{"lung", "Lung", -600, 1500}, {"mediastinum", "Mediastinum", 40, 400}, {"bone", "Bone", 400, 1800}}
}
