package review

import (
	"cmp"
	"math"
	"net/http"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// histogramBins of the reference normals.
const histogramBins = 30

type finding struct {
	Number        int                `json:"number"`
	NoduleID      string             `json:"nodule_id"`
	Position      [3]float64         `json:"position_lps_mm"`
	Voxel         *[3]float64        `json:"voxel_zyx"`
	Slice         *int               `json:"slice"`
	InstanceUID   *string            `json:"instance_uid"`
	ImageNumber   *int               `json:"image_number"`
	FrameNumber   *int               `json:"frame_number"`
	DiameterMM    *float64           `json:"diameter_mm"`
	Confidence    *float64           `json:"confidence"`
	Headline      *bus.Headline      `json:"headline"`
	HeadlineError *bus.Problem       `json:"headline_problem"`
	Rung          *bus.Rung          `json:"rung"` // that gave the headline
	Scores        []scoreAnswer      `json:"scores"`
	Failed        []bus.ModelProblem `json:"failed"`
	Probability   *float64           `json:"probability"`
	Percentile    *float64           `json:"percentile"`
	BaseRate      *float64           `json:"base_rate"`
	Flagged       bool               `json:"flagged"`
	Disagreement  *bus.Disagreement  `json:"disagreement"`
	Applicability []store.Labelled   `json:"applicability"`
	PaddingPct    float64            `json:"padding_pct"`
	Problem       *bus.Problem       `json:"problem"`
	Outline       *outlineAnswer     `json:"outline"`
	OutlineError  *bus.Problem       `json:"outline_problem"`
	OutlinePlace  *outlinePlace      `json:"outline_place"` // where a reader draws one
	Patch         *patchPlace        `json:"patch"`
	Decision      *store.Decision    `json:"decision"`
	Versions      int                `json:"versions"`
	IntendedUse   string             `json:"intended_use"`
}

// patchPlace says where the voxels of a patch lie: along the axes of the
// patient, 1 mm apart.
type patchPlace struct {
	Size      [3]int     `json:"size"`
	SpacingMM float64    `json:"spacing_mm"`
	Origin    [3]float64 `json:"origin_lps_mm"`
}

type scoreAnswer struct {
	bus.NoduleScore
	Prevalence float64    `json:"prevalence"`
	Threshold  float64    `json:"threshold"`
	Histogram  *histogram `json:"histogram"`
	Terms      []bus.Term `json:"terms"`
	Worth      *worth     `json:"worth"`
}

// worth is what a flag of a detector is worth, as far as the model's own file
// tells it. The threshold was chosen on the nodules of its calibration, so that
// it flatters.
type worth struct {
	Specificity bus.Share  `json:"specificity"` // reference normals that are not flagged
	Sensitivity *bus.Share `json:"sensitivity"` // anomalies of the calibration that are flagged; null: the file does not say
	Normals     int        `json:"normals"`     // of the calibration
	Anomalies   int        `json:"anomalies"`
}

func worthOf(c *detector.Calibration, threshold float64) *worth {
	if len(c.Reference) == 0 {
		return nil
	}
	spared := 0
	for _, raw := range c.Reference {
		if raw <= threshold {
			spared++
		}
	}
	share := func(p stats.Proportion) bus.Share {
		return bus.Share{Value: p.Value, Low: p.Low, High: p.High, Count: p.Count, Of: p.Of}
	}
	w := &worth{Specificity: share(stats.Wilson(spared, len(c.Reference))), Normals: c.Normals, Anomalies: c.Anomalies}
	if at := c.AtThreshold; at != nil && threshold == c.Threshold {
		sensitivity := share(at.Sensitivity)
		w.Sensitivity = &sensitivity
	}
	return w
}

type histogram struct {
	Edges   []float64 `json:"edges"`
	Counts  []int     `json:"counts"`
	Normals int       `json:"normals"`
}

// findings are all of a result, highest probability first. series is nil where
// the images cannot be read now.
func (s *Server) findings(r store.Record, series *dicomio.Series) []finding {
	list := make([]finding, 0, len(r.Result.Nodules))
	for i := range r.Result.Nodules {
		list = append(list, s.finding(r, i+1, series))
	}
	slices.SortStableFunc(list, func(a, b finding) int {
		return cmp.Or(store.LargerFirst(a.Probability, b.Probability), store.LargerFirst(a.Percentile, b.Percentile))
	})
	return list
}

func (s *Server) finding(r store.Record, number int, series *dicomio.Series) finding {
	n := &r.Result.Nodules[number-1]
	high := store.Highest(n)
	f := finding{
		Number: number, NoduleID: n.ID, Position: n.PositionLPS, DiameterMM: store.Known(n.DiameterMM), Confidence: store.Known(n.Confidence),
		Headline: n.Headline, HeadlineError: n.HeadlineError, Scores: []scoreAnswer{}, Failed: n.Failed, Probability: high.Probability, Percentile: high.Percentile, Flagged: high.Flagged,
		BaseRate: store.BaseRate(r.Result, n), Disagreement: n.Disagreement, Applicability: []store.Labelled{}, PaddingPct: n.PaddingPct, Problem: n.Error,
		Outline: outlineOf(n.Outline), OutlineError: n.OutlineError, OutlinePlace: placeOf(n),
		Decision: s.cfg.Store.Decision(r.ID, number), IntendedUse: r.Result.IntendedUse,
	}
	if n.Headline != nil {
		f.Rung = r.Result.RungOf(&n.Headline.RungScore)
	}
	if f.Failed == nil {
		f.Failed = []bus.ModelProblem{}
	}
	if f.Decision != nil {
		f.Versions = f.Decision.Version
	}
	for _, code := range n.Applicability {
		f.Applicability = append(f.Applicability, store.Labelled{Code: code, Label: s.limitLabel(r.Result, n, code)})
	}
	for _, score := range n.Scores {
		f.Scores = append(f.Scores, s.score(r.Result, score))
	}
	if len(n.Scores)+len(n.Failed) > 0 || n.Outline != nil {
		const half = (nodule.PatchSize - 1) / 2.0
		f.Patch = &patchPlace{[3]int{nodule.PatchSize, nodule.PatchSize, nodule.PatchSize}, 1,
			[3]float64{n.PositionLPS[0] - half, n.PositionLPS[1] - half, n.PositionLPS[2] - half}}
	}
	if series != nil {
		f.place(series)
	}
	return f
}

// place finds the voxel and the slice of a finding.
func (f *finding) place(series *dicomio.Series) {
	zyx := series.Geometry.ToVoxel(dicomio.Vec(f.Position))
	for _, v := range zyx {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
	}
	f.Voxel = &zyx
	if len(series.Slices) == 0 {
		return
	}
	slice := int(min(max(math.Round(zyx[0]), 0), float64(len(series.Slices)-1)))
	image := series.Slices[slice]
	f.Slice, f.InstanceUID, f.ImageNumber, f.FrameNumber = &slice, &image.SOPInstanceUID, numberOf(image), frameNumber(image)
}

func (s *Server) score(r *bus.Result, n bus.NoduleScore) scoreAnswer {
	a := scoreAnswer{NoduleScore: n, Terms: n.Terms}
	if a.Terms == nil {
		a.Terms = []bus.Term{}
	}
	for _, m := range r.Models {
		if m.Digest == n.Digest {
			a.Prevalence, a.Threshold = m.Prevalence, m.Threshold
		}
	}
	if c, ok := s.calibrationOf(n.Digest); ok {
		a.Histogram = histogramOf(c.Reference, n.Raw, a.Threshold)
		a.Worth = worthOf(&c, a.Threshold)
	}
	return a
}

// histogramOf counts reference scores in bins that also span the score and the
// threshold, so that both can be drawn on it.
func histogramOf(reference []float64, marks ...float64) *histogram {
	if len(reference) == 0 {
		return nil
	}
	low, high := slices.Min(reference), slices.Max(reference)
	for _, m := range marks {
		low, high = min(low, m), max(high, m)
	}
	if !(high > low) {
		high = low + max(1e-9, math.Abs(low)*1e-6)
	}
	h := &histogram{Counts: make([]int, histogramBins), Normals: len(reference)}
	width := (high - low) / histogramBins
	for i := range histogramBins {
		h.Edges = append(h.Edges, low+float64(i)*width)
	}
	h.Edges = append(h.Edges, high)
	for _, v := range reference {
		h.Counts[min(int((v-low)/width), histogramBins-1)]++
	}
	return h
}

func (s *Server) getFindings(w http.ResponseWriter, r *http.Request, _ *signin.Session, record store.Record) error {
	list := []finding{}
	if record.Result != nil {
		list = s.findings(record, s.seriesOrNil(r, record))
	}
	return answer.JSON(w, "application/json", map[string]any{"findings": list})
}

func (s *Server) getFinding(w http.ResponseWriter, r *http.Request, _ *signin.Session, f findingOf) error {
	return answer.JSON(w, "application/json", s.finding(f.Record, f.number, s.seriesOrNil(r, f.Record)))
}

// seriesOrNil opens a series where that is possible now.
func (s *Server) seriesOrNil(r *http.Request, record store.Record) *dicomio.Series {
	held, err := s.open(r.Context(), record)
	if err != nil {
		return nil
	}
	return held.Series
}
