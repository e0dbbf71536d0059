package bus

import (
	"strings"
	"time"
)

// Type names of the CloudEvents, schema version included.
const (
	TypeJob    = "org.nodulescope.job.v1"
	TypeResult = "org.nodulescope.result.v1"
	TypeReview = "org.nodulescope.review.v1"
	TypeDead   = "org.nodulescope.dead.v1"
)

// Limits of a job.
const (
	MaxJobBytes   = 256 << 10
	MaxJobNodules = 512
	maxDeadBytes  = 64 << 10 // how much of a refused message is kept
)

// Job asks for the nodules of one series to be scored.
type Job struct {
	StudyUID            string      `json:"study_uid,omitempty"`
	SeriesUID           string      `json:"series_uid"`
	URI                 string      `json:"uri"` // file:// folder
	Nodules             []JobNodule `json:"nodules"`
	FrameOfReferenceUID string      `json:"frame_of_reference_uid,omitempty"`
	Priority            string      `json:"priority,omitempty"` // "stat" or "routine"
	Deadline            *time.Time  `json:"deadline,omitempty"`
}

// JobNodule is one candidate of a job. The UIDs, where it has any, must be those of
// the series: it is refused with candidate_elsewhere otherwise.
type JobNodule struct {
	ID          string     `json:"id"`
	PositionLPS [3]float64 `json:"position_lps_mm"` // LPS mm
	DiameterMM  float64    `json:"diameter_mm,omitempty"`
	Confidence  float64    `json:"confidence,omitempty"`

	StudyUID            string `json:"study_uid,omitempty"`
	SeriesUID           string `json:"series_uid,omitempty"`
	FrameOfReferenceUID string `json:"frame_of_reference_uid,omitempty"`
}

// Result answers a job.
type Result struct {
	Identity      string         `json:"identity"`             // sha256 digest, see DESIGN
	Supersedes    string         `json:"supersedes,omitempty"` // identity of the result that this one replaces
	JobID         string         `json:"job_id"`
	JobSource     string         `json:"job_source"`
	StudyUID      string         `json:"study_uid"`
	SeriesUID     string         `json:"series_uid"`
	Software      string         `json:"software"`
	Preprocessing string         `json:"preprocessing"`
	IntendedUse   string         `json:"intended_use"`
	Models        []Model        `json:"models"`
	Outliner      *Outliner      `json:"outliner,omitempty"` // absent where nodules were not outlined
	Rungs         *Rungs         `json:"rungs,omitempty"`    // absent where no headline was asked for
	Geometry      Geometry       `json:"geometry"`
	Warnings      []Problem      `json:"warnings,omitempty"`
	Nodules       []ResultNodule `json:"nodules"`
	Error         *Problem       `json:"error,omitempty"`      // the series as a whole could not be scored
	SRSOPUID      string         `json:"sr_sop_uid,omitempty"` // of the structured report that goes to the PACS
	TimingsMS     Timings        `json:"timings_ms"`
}

// Model names a detector that scored.
type Model struct {
	Name        string  `json:"name"`
	Digest      string  `json:"digest"`
	Calibration string  `json:"calibration"` // "natural-prevalence" or "uncalibrated"
	Prevalence  float64 `json:"prevalence"`  // of the calibration set
	Threshold   float64 `json:"threshold"`   // raw score above which a nodule is flagged

	// What the threshold did in the calibration, on which it was chosen; absent where
	// the model does not say.
	Sensitivity *Share `json:"sensitivity,omitempty"` // share of the anomalies that it flagged
	Specificity *Share `json:"specificity,omitempty"` // share of the normals that it did not flag

	// DiameterMM are the smallest and the largest diameter of the normals that
	// it was trained on; absent where the model does not say.
	DiameterMM *[2]float64 `json:"diameter_mm,omitempty"`
}

// Geometry is what was measured of a series: spacing, tilt and missing slices.
type Geometry struct {
	SpacingMM     [3]float64 `json:"spacing_mm"` // z, y, x
	TiltDeg       float64    `json:"tilt_deg"`
	Slices        int        `json:"slices"`
	MissingSlices int        `json:"missing_slices"`

	// Verdict is "ok", or "warned" where warnings say of what. A series that is
	// refused has no result but a dead letter with the code.
	Verdict string `json:"verdict,omitempty"`
}

// ResultNodule is one candidate with its scores, one of each model of the
// result, or the reason why it has not all of them: where Error is set, some
// or all scores are missing.
type ResultNodule struct {
	JobNodule
	Headline      *Headline      `json:"headline,omitempty"`       // the one answer; absent without an outline
	HeadlineError *Problem       `json:"headline_error,omitempty"` // why it has an outline and no headline; its scores stand
	Scores        []NoduleScore  `json:"scores,omitempty"`
	Failed        []ModelProblem `json:"failed,omitempty"`        // models that gave no score for this nodule
	Disagreement  *Disagreement  `json:"disagreement,omitempty"`  // of its scores, where there are at least two
	Applicability []string       `json:"applicability,omitempty"` // limits of use that this nodule touches
	PaddingPct    float64        `json:"padding_pct"`
	Outline       *Outline       `json:"outline,omitempty"`       // absent where it was not outlined
	OutlineError  *Problem       `json:"outline_error,omitempty"` // why it has no outline or was not measured; its scores stand
	Error         *Problem       `json:"error,omitempty"`         // of the cube, of the first model in Failed, or nodule_not_found
}

// ModelProblem says why one model gave no score.
type ModelProblem struct {
	Model  string `json:"model"`
	Digest string `json:"digest"`
	Problem
}

// Disagreement tells how far the models that scored a nodule are apart. Each
// percentile is among the reference normals of its own model, so that scores
// of different scales can be compared.
type Disagreement struct {
	PercentileGap float64 `json:"percentile_gap"` // largest minus smallest percentile, 0..100
	FlagsDiffer   bool    `json:"flags_differ"`   // some models flag the nodule and others do not
}

// NoduleScore is what one model says of a nodule.
type NoduleScore struct {
	Model       string   `json:"model"`
	Digest      string   `json:"digest"`
	Raw         float64  `json:"raw"`
	Sum         float64  `json:"sum"`
	PerVoxel    float64  `json:"per_voxel"`
	KL          float64  `json:"kl"`
	Probability *float64 `json:"probability"` // null where the model is uncalibrated
	Calibration string   `json:"calibration"`
	Percentile  float64  `json:"percentile"`
	Anomalous   bool     `json:"anomalous"`
	Terms       []Term   `json:"terms,omitempty"` // what the raw score is made of or stands beside, under the model's own names

	// ComputedBy says on what; absent where the program that scored did not say.
	// It is no part of the result's identity: machines differ by rounding.
	ComputedBy *Machine `json:"computed_by,omitempty"`
}

// Machine is what computed a score: where a device failed on the way, the
// processor that went on.
type Machine struct {
	Device    string `json:"device"`         // "cpu", or a device such as "cuda:0" or "opencl:0"
	Name      string `json:"name,omitempty"` // of the device, or the kernels of the processor such as "avx512"
	Precision string `json:"precision"`      // of products and sums, such as "float32"
}

// String is the machine on one line, such as "cpu avx512 float32".
func (m Machine) String() string {
	return strings.Join(strings.Fields(m.Device+" "+m.Name+" "+m.Precision), " ")
}

// Term is a named value of a score.
type Term struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Problem is a code that never changes and a sentence that says what to do.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Timings of one job, in milliseconds.
type Timings struct {
	Read    float64 `json:"read"`
	Cut     float64 `json:"cut"`
	Outline float64 `json:"outline,omitempty"` // absent where nodules were not outlined
	Score   float64 `json:"score"`
	Total   float64 `json:"total"`

	Models []ModelTiming `json:"models,omitempty"` // parts of Score, in the order of Result.Models
}

// ModelTiming is the time that one model took for all nodules of a job, in
// milliseconds.
type ModelTiming struct {
	Model  string  `json:"model"`
	Digest string  `json:"digest"`
	Score  float64 `json:"score"`
}

// Dead is a message that could not be scored.
type Dead struct {
	Code     string              `json:"code"`
	Message  string              `json:"message"`
	Subject  string              `json:"subject"`            // where it was found
	Sequence uint64              `json:"sequence,omitempty"` // in the JOBS stream
	JobID    string              `json:"job_id,omitempty"`
	Digest   string              `json:"digest"`  // sha256 of the whole message
	Size     int                 `json:"size"`    // bytes of the whole message
	Payload  []byte              `json:"payload"` // its first 64 KiB
	Headers  map[string][]string `json:"headers,omitempty"`
	Time     time.Time           `json:"time"`
}

// Review is a radiologist's decision on one nodule.
type Review struct {
	Identity string    `json:"identity"` // of the result
	NoduleID string    `json:"nodule_id"`
	Verdict  Verdict   `json:"verdict,omitempty"` // in every message that is read or written here
	Kind     Kind      `json:"kind,omitempty"`    // of what is no nodule
	Decision string    `json:"decision"`          // the verdict as "accept", "reject" or "unsure", for those who know no other
	Reason   string    `json:"reason,omitempty"`  // beside Decision
	Comment  string    `json:"comment,omitempty"`
	Reviewer string    `json:"reviewer"`
	Time     time.Time `json:"time"`
	Version  int       `json:"version"`

	Outline   *Correction `json:"outline,omitempty"`   // as the reader drew it; absent: as the result has it
	Distances []Distance  `json:"distances,omitempty"` // that the reader measured, at most 20
}
