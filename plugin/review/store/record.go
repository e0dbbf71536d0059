package store

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// Record is one result with the place of its images, or one job that was put
// aside. It names no patient.
type Record struct {
	ID           string       `json:"id"` // see IDOf and RefusedID
	Site         string       `json:"site"`
	JobID        string       `json:"job_id"`
	Source       string       `json:"source"` // of the job
	StudyUID     string       `json:"study_uid"`
	SeriesUID    string       `json:"series_uid"`
	URI          string       `json:"uri"` // of the images, as the job named them
	Priority     string       `json:"priority"`
	Time         time.Time    `json:"time"`
	Result       *bus.Result  `json:"result,omitempty"`  // nil where the job was put aside
	Problem      *bus.Problem `json:"problem,omitempty"` // why it was put aside
	Nodules      int          `json:"nodules"`
	Supersedes   string       `json:"supersedes,omitempty"`    // id
	SupersededBy string       `json:"superseded_by,omitempty"` // id
}

// Job is one for the same series, for whoever opens it again: without nodules.
func (r *Record) Job() bus.Job {
	return bus.Job{StudyUID: r.StudyUID, SeriesUID: r.SeriesUID, URI: r.URI}
}

const digestPrefix = "sha256:"

// IDOf is the id of a result: the 64 hex digits of its identity.
func IDOf(identity string) string {
	id := strings.TrimPrefix(identity, digestPrefix)
	if ValidID(id) {
		return id
	}
	return digest.Texts("result", identity)
}

// RefusedID is the id of a job that was put aside; delivery names its message.
func RefusedID(site, delivery string) string { return digest.Texts("refused", site, delivery) }

// WaitingID is the id of a job that nobody has answered yet, by its place in the
// queue.
func WaitingID(sequence uint64, stored time.Time) string {
	return digest.Texts("waiting", strconv.FormatUint(sequence, 10), stored.String())
}

// ValidID tells whether a text can be an id: 64 hex digits.
func ValidID(id string) bool {
	if len(id) != 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// lineage names the results of one source on one series.
func (r *Record) lineage() string { return digest.Texts("lineage", r.Site, r.Source, r.SeriesUID) }

// Decision is one version of a reviewer's decision on one finding.
type Decision struct {
	Version   int         `json:"version"` // from 1
	Verdict   bus.Verdict `json:"verdict"`
	Kind      bus.Kind    `json:"kind"` // of what is no nodule, or empty
	Comment   string      `json:"comment"`
	Reviewer  string      `json:"reviewer"`
	Time      time.Time   `json:"time"`
	Published bool        `json:"published"` // the bus has it

	Outline   *bus.Correction `json:"outline,omitempty"` // as the reviewer drew it; nil: the network's stands
	Distances []bus.Distance  `json:"distances,omitempty"`
}

// Review is the message of a decision on a nodule of a result.
func (d Decision) Review(identity, noduleID string) bus.Review {
	return bus.Review{
		Identity: identity, NoduleID: noduleID, Verdict: d.Verdict, Kind: d.Kind, Comment: d.Comment,
		Reviewer: d.Reviewer, Time: d.Time, Version: d.Version, Outline: d.Outline, Distances: d.Distances,
	}
}

// UnmarshalJSON also reads what was kept before there were verdicts, as
// [bus.MigrateDecision] has it.
func (d *Decision) UnmarshalJSON(text []byte) error {
	type plain Decision
	read := struct {
		*plain
		Decision string `json:"decision"`
		Reason   string `json:"reason"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	if d.Verdict == "" {
		d.Verdict, d.Kind = bus.MigrateDecision(read.Decision, read.Reason)
	}
	return nil
}

// Labelled is a code with what a reader calls it.
type Labelled struct {
	Code  string `json:"code"`
	Label string `json:"label"`
}

const maxCommentChars = 2000

var kindLabels = map[bus.Kind]string{
	"vessel":          "Vessel or vessel branching",
	"scar":            "Scar or fibrosis",
	"lymph_node":      "Intrapulmonary or other lymph node",
	"artefact":        "Artefact (motion, metal, noise)",
	"pleural":         "Pleura, fissure or chest wall",
	"atelectasis":     "Atelectasis",
	"consolidation":   "Consolidation or infection",
	"mucus":           "Mucus plug",
	bus.KindDuplicate: "Duplicate of another finding",
	bus.KindOther:     "Other (specify in the comment)",
	"outside_lung":    "Outside the lung",
}

// Kinds are the kinds of what is no nodule, with what a reader calls them, in
// the order of [bus.Kinds].
func Kinds() []Labelled {
	var list []Labelled
	for _, k := range bus.Kinds() {
		list = append(list, Labelled{string(k), kindLabels[k]})
	}
	return list
}

// NewDecision is what a reviewer asks for.
type NewDecision struct {
	Verdict     bus.Verdict `json:"verdict"`
	Kind        bus.Kind    `json:"kind"`
	Comment     string      `json:"comment"`
	BaseVersion int         `json:"base_version"` // the version that the reviewer saw, 0 for none

	// Outline has method, runs and the cube that they fill; who keeps the decision has
	// measured it. Lengths of Distances are left out.
	Outline   *bus.Correction `json:"outline,omitempty"`
	Distances []bus.Distance  `json:"distances,omitempty"`
}
