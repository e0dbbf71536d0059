package review

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
)

// Limits of the series that are held open: headers, no pixels.
const (
	maxOpenSeries = 4
	seriesFresh   = 10 * time.Minute
)

// seriesCache keeps the headers of the series that were looked at last, and
// lets each be opened once at a time.
type seriesCache struct {
	mu   sync.Mutex
	held map[string]*heldSeries
}

type heldSeries struct {
	ready  chan struct{} // closed when opened
	series *dicomio.Series
	slices map[string]int // SOPInstanceUID -> index
	err    error
	opened time.Time
	used   time.Time
}

func newSeriesCache() *seriesCache { return &seriesCache{held: map[string]*heldSeries{}} }

// get opens the series of a record, or returns it as it was opened before.
func (c *seriesCache) get(ctx context.Context, r Record, open func(context.Context, Record) (*dicomio.Series, error)) (*heldSeries, error) {
	key := r.URI + "\x00" + r.SeriesUID
	c.mu.Lock()
	h := c.held[key]
	if h != nil && time.Since(h.opened) > seriesFresh {
		h = nil
	}
	if h == nil {
		h = &heldSeries{ready: make(chan struct{}), opened: time.Now(), used: time.Now()}
		c.held[key] = h
		c.evict(key)
		c.mu.Unlock()
		// Others may wait for it: it does not end with this request.
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			h.series, h.err = openSafely(ctx, r, open)
			if h.err == nil {
				h.slices = make(map[string]int, len(h.series.Slices))
				for i, slice := range h.series.Slices {
					h.slices[slice.SOPInstanceUID] = i
				}
			} else {
				c.drop(key, h)
			}
			close(h.ready)
		}()
	} else {
		h.used = time.Now()
		c.mu.Unlock()
	}
	select {
	case <-h.ready:
		return h, h.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// openSafely turns a panic, which would end the process, into an error.
func openSafely(ctx context.Context, r Record, open func(context.Context, Record) (*dicomio.Series, error)) (s *dicomio.Series, err error) {
	defer func() {
		if recover() != nil { // its value may name a patient
			s, err = nil, errors.New("reading the series failed within the program")
		}
	}()
	return open(ctx, r)
}

// evict makes room, but not by dropping keep. c.mu is held.
func (c *seriesCache) evict(keep string) {
	for len(c.held) > maxOpenSeries {
		oldest := ""
		for key, h := range c.held {
			if key != keep && (oldest == "" || h.used.Before(c.held[oldest].used)) {
				oldest = key
			}
		}
		delete(c.held, oldest)
	}
}

// drop forgets a series that cannot be read any more.
func (c *seriesCache) drop(key string, h *heldSeries) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[key] == h {
		delete(c.held, key)
	}
}

func (c *seriesCache) forget(r Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, r.URI+"\x00"+r.SeriesUID)
}

// open opens the series of a record. Its error is one of the source.
func (s *Server) open(ctx context.Context, r Record) (*heldSeries, error) {
	return s.series.get(ctx, r, s.cfg.Source.Open)
}

// sourceError answers that images cannot be read, with the reader's code.
func (s *Server) sourceError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fail(http.StatusServiceUnavailable, codeBusy, "reading the images took too long; try again", err)
	}
	p := s.cfg.Source.Summary(err)
	if p.Code == "" || p.Code == codeInternal {
		return fail(http.StatusBadGateway, codeSource, "the images cannot be read now", err)
	}
	return fail(http.StatusBadGateway, p.Code, p.Message, err)
}

// record finds the record that a path names.
func (s *Server) record(r *http.Request) (Record, error) {
	id := r.PathValue("id")
	if !validID(id) {
		return Record{}, notFound()
	}
	record, err := s.cfg.Store.Record(id)
	if err != nil && !errors.Is(err, errNotFound) {
		return record, fail(http.StatusInternalServerError, codeLedger, "the ledger cannot be read", err)
	}
	return record, err
}

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
	}
	return a
}

type modelAnswer struct {
	Name        string  `json:"name"`
	Digest      string  `json:"digest"`
	Calibration string  `json:"calibration"`
	Prevalence  float64 `json:"prevalence"`
	Threshold   float64 `json:"threshold"`
	Loaded      bool    `json:"loaded"`
}

// detectorOf is the running detector with a digest, nil where there is none.
func (s *Server) detectorOf(digest string) detector.Detector {
	for _, d := range s.cfg.Detectors {
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
	Patient        *Patient        `json:"patient"`
	PatientProblem *bus.Problem    `json:"patient_problem,omitempty"`
	State          State           `json:"state"`
	Priority       string          `json:"priority"`
	Time           time.Time       `json:"time"`
	Geometry       *geometryAnswer `json:"geometry"`
	SourceProblem  *bus.Problem    `json:"source_problem,omitempty"`
	Slices         int             `json:"slices"`
	SlicesURL      string          `json:"slices_url"`
	InstancesURL   string          `json:"instances_url"`
	WindowPresets  []WindowPreset  `json:"window_presets"`
	Models         []modelAnswer   `json:"models"`
	Findings       []finding       `json:"findings"`
	Warnings       []bus.Problem   `json:"warnings"`
	Problem        *bus.Problem    `json:"problem"`
	Software       string          `json:"software"`
	Preprocessing  string          `json:"preprocessing"`
	IntendedUse    string          `json:"intended_use"`
	SupersededBy   *string         `json:"superseded_by"`
	Supersedes     *string         `json:"supersedes"`
	EventID        string          `json:"event_id"`
}

func (s *Server) getSeries(w http.ResponseWriter, r *http.Request, who *session) error {
	record, err := s.record(r)
	if err != nil {
		return err
	}
	if err := s.auditView(who, record, 0, "series"); err != nil {
		return err
	}
	base := "/api/v1/dicom-web/studies/" + record.StudyUID + "/series/" + record.SeriesUID
	a := seriesAnswer{
		ID: record.ID, StudyUID: record.StudyUID, SeriesUID: record.SeriesUID, State: s.cfg.Store.stateOf(record.ID),
		Priority: record.Priority, Time: record.Time.UTC(), SlicesURL: base + "/metadata", InstancesURL: base + "/instances",
		WindowPresets: windowPresets(), Models: []modelAnswer{}, Findings: []finding{}, Warnings: []bus.Problem{}, Problem: record.Problem,
		IntendedUse: s.cfg.IntendedUse, SupersededBy: nullable(record.SupersededBy), Supersedes: nullable(record.Supersedes),
		EventID: s.cfg.Store.events.lastID(),
	}
	a.Patient, a.PatientProblem = s.patient(r.Context(), record)
	var series *dicomio.Series
	if held, err := s.open(r.Context(), record); err != nil {
		p := s.cfg.Source.Summary(err)
		a.SourceProblem = &p
	} else {
		series = held.series
		a.Geometry, a.Slices = geometryOf(series), series.Geometry.Slices
	}
	if res := record.Result; res != nil {
		a.Identity, a.Software, a.Preprocessing, a.IntendedUse = res.Identity, res.Software, res.Preprocessing, res.IntendedUse
		a.Slices = res.Geometry.Slices
		a.Warnings = append(a.Warnings, res.Warnings...)
		for _, m := range res.Models {
			a.Models = append(a.Models, modelAnswer{m.Name, m.Digest, m.Calibration, m.Prevalence, m.Threshold, s.detectorOf(m.Digest) != nil})
		}
		a.Findings = s.findings(record, series)
	}
	if err := s.cfg.Store.markRead(who.who.name, record.ID, s.now()); err != nil {
		return fail(http.StatusInternalServerError, codeLedger, "the ledger cannot be written; is the disk full?", err)
	}
	return answerJSON(w, "application/json", a)
}

// auditView notes that somebody sees a series, or a finding of it, once a
// session and kind.
func (s *Server) auditView(who *session, r Record, number int, what string) error {
	e := Entry{Kind: "view", Identities: []string{r.ID}, Number: number, Detail: what}
	if r.Result != nil {
		e.Identities[0] = r.Result.Identity
	}
	return s.audited(who, what+" "+r.ID+" "+itoa(int64(number)), e)
}
