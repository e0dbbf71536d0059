package bus

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/uidnames"
)

// Bounds of what a job may say. Coordinates are LPS millimetres: no scanner
// table is five metres long.
const (
	maxCoordinateMM = 5000
	maxDiameterMM   = 1000
	maxURIBytes     = 4096
	maxNoduleID     = 128
)

// EncodeJob writes job as a CloudEvent. It refuses what [DecodeJob] would
// refuse: job_invalid, too_many_nodules, and job_too_large above MaxJobBytes
// for the whole message.
func EncodeJob(source, id string, job Job, opts ...EventOption) ([]byte, error) {
	const op = "encode job"
	if err := checkJob(op, job); err != nil {
		return nil, err
	}
	data, err := encode(op, TypeJob, source, id, job, CodeJobInvalid, opts)
	if err == nil {
		err = checkJobSize(op, data)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// DecodeJob reads a job: strict on limits, lenient on fields that it does not
// know. Codes: job_too_large, not_json, not_cloudevent, wrong_type,
// unknown_schema_version, too_many_nodules, job_invalid. Where the envelope
// could be read it is returned beside the error, so that a refusal can name
// the job.
func DecodeJob(data []byte) (Envelope, Job, error) {
	const op = "decode job"
	if err := checkJobSize(op, data); err != nil {
		return Envelope{}, Job{}, err
	}
	env, payload, err := decode(op, TypeJob, data)
	if err != nil {
		return env, Job{}, err
	}
	var w jobWire
	if err := unmarshal(op, payload, &w, CodeJobInvalid); err != nil {
		return env, Job{}, err
	}
	named, err := namedIn(op, "the job", payload, "series_uid", "study_uid", "uri", "nodules", "frame_of_reference_uid", "priority", "deadline")
	if err != nil {
		return env, Job{}, err
	}
	w.StudyUID, w.SeriesUID, w.FrameOfReferenceUID = named.Study, named.Series, named.Frame
	job, err := w.job(op)
	if err != nil {
		return env, Job{}, err
	}
	if err := checkJob(op, job); err != nil {
		return env, Job{}, err
	}
	if job.Priority == "" {
		job.Priority = PriorityRoutine
	}
	return env, job, nil
}

func checkJobSize(op string, data []byte) error {
	if len(data) > MaxJobBytes {
		return coded.New(CodeJobTooLarge, op,
			fmt.Sprintf("%d bytes, a job is at most %d: split its nodules over several jobs", len(data), MaxJobBytes), nil)
	}
	return nil
}

// jobWire tells a coordinate that is missing or null from one that is zero:
// encoding/json fills a short array with zeros, which would put a nodule in a
// wrong place without a word.
type jobWire struct {
	StudyUID            string            `json:"study_uid"`
	SeriesUID           string            `json:"series_uid"`
	URI                 string            `json:"uri"`
	Nodules             []json.RawMessage `json:"nodules"`
	FrameOfReferenceUID string            `json:"frame_of_reference_uid"`
	Priority            string            `json:"priority"`
	Deadline            *time.Time        `json:"deadline"`
}

type noduleWire struct {
	ID          string     `json:"id"`
	PositionLPS []*float64 `json:"position_lps_mm"`
	DiameterMM  float64    `json:"diameter_mm"`
	Confidence  float64    `json:"confidence"`
}

func (w jobWire) job(op string) (Job, error) {
	job := Job{
		StudyUID: w.StudyUID, SeriesUID: w.SeriesUID, URI: w.URI,
		FrameOfReferenceUID: w.FrameOfReferenceUID, Priority: w.Priority, Deadline: w.Deadline,
	}
	if err := checkCount(op, len(w.Nodules)); err != nil {
		return Job{}, err
	}
	if w.Nodules != nil {
		job.Nodules = make([]JobNodule, len(w.Nodules))
	}
	for i, raw := range w.Nodules {
		var n noduleWire
		if json.Unmarshal(raw, &n) != nil {
			return Job{}, invalidJob(op, "nodules[%d] is not an object with id, position_lps_mm and numbers", i)
		}
		if len(n.PositionLPS) != 3 || n.PositionLPS[0] == nil || n.PositionLPS[1] == nil || n.PositionLPS[2] == nil {
			return Job{}, invalidJob(op, "nodules[%d].position_lps_mm must be three numbers (LPS, mm)", i)
		}
		named, err := namedIn(op, fmt.Sprintf("nodules[%d]", i), raw, "id", "position_lps_mm", "diameter_mm", "confidence")
		if err != nil {
			return Job{}, err
		}
		job.Nodules[i] = JobNodule{
			ID:          n.ID,
			PositionLPS: [3]float64{*n.PositionLPS[0], *n.PositionLPS[1], *n.PositionLPS[2]},
			DiameterMM:  n.DiameterMM, Confidence: n.Confidence,
			StudyUID: named.Study, SeriesUID: named.Series, FrameOfReferenceUID: named.Frame,
		}
	}
	return job, nil
}

// namedIn reads the UIDs that an object names, in any usual spelling, and wants
// its keys once each: by the rules of files of candidates.
func namedIn(op, what string, object []byte, known ...string) (uidnames.UIDs, error) {
	named, err := uidnames.In(object, known...)
	if err != nil {
		return named, invalidJob(op, "%s cannot be used: %s", what, err)
	}
	return named, nil
}

// Check returns an error with code job_invalid or too_many_nodules that names
// the first field that a worker could not use. An empty list of nodules is a
// job like any other; a missing one is not.
func (j Job) Check() error { return checkJob("check job", j) }

func checkJob(op string, job Job) error {
	if err := checkCount(op, len(job.Nodules)); err != nil {
		return err
	}
	switch {
	case job.SeriesUID == "":
		return invalidJob(op, "series_uid is missing")
	case !validUID(job.SeriesUID) || !validUID(job.StudyUID) || !validUID(job.FrameOfReferenceUID):
		return invalidJob(op, "series_uid, study_uid and frame_of_reference_uid are DICOM UIDs: at most 64 digits and dots")
	case job.Nodules == nil:
		return invalidJob(op, "nodules is missing (an empty list is allowed)")
	case job.Priority != "" && job.Priority != PriorityStat && job.Priority != PriorityRoutine:
		return invalidJob(op, "priority is \"stat\" or \"routine\"")
	}
	if err := checkURI(op, job.URI); err != nil {
		return err
	}
	seen := make(map[string]int, len(job.Nodules))
	for i, n := range job.Nodules {
		if n.ID == "" || len(n.ID) > maxNoduleID || !printable(n.ID) {
			return invalidJob(op, "nodules[%d].id must be 1 to %d printable bytes", i, maxNoduleID)
		}
		if first, twice := seen[n.ID]; twice {
			return invalidJob(op, "nodules[%d] and nodules[%d] have the same id", first, i)
		}
		seen[n.ID] = i
		for _, x := range n.PositionLPS {
			if !(math.Abs(x) <= maxCoordinateMM) { // false for NaN
				return invalidJob(op, "nodules[%d].position_lps_mm must be finite and within %d mm", i, maxCoordinateMM)
			}
		}
		if !(n.DiameterMM >= 0 && n.DiameterMM <= maxDiameterMM) {
			return invalidJob(op, "nodules[%d].diameter_mm must lie in 0..%d", i, maxDiameterMM)
		}
		if !validUID(n.StudyUID) || !validUID(n.SeriesUID) || !validUID(n.FrameOfReferenceUID) {
			return invalidJob(op, "nodules[%d] has a series_uid, study_uid or frame_of_reference_uid that is no DICOM UID", i)
		}
		if math.IsNaN(n.Confidence) || math.IsInf(n.Confidence, 0) {
			return invalidJob(op, "nodules[%d].confidence must be finite", i)
		}
	}
	return nil
}

func checkCount(op string, n int) error {
	if n > MaxJobNodules {
		return coded.New(CodeTooManyNodules, op,
			fmt.Sprintf("%d nodules, a job has at most %d: split it", n, MaxJobNodules), nil)
	}
	return nil
}

// checkURI takes file:///folder and http(s)://host/... (DICOMweb); a worker may
// still refuse the latter. Credentials do not belong in messages.
func checkURI(op, uri string) error {
	const want = "uri must be file:///folder, or http(s)://host/... without credentials"
	if uri == "" || len(uri) > maxURIBytes || !printable(uri) {
		return invalidJob(op, want)
	}
	u, err := url.Parse(uri)
	if err != nil {
		return invalidJob(op, want)
	}
	switch u.Scheme {
	case "file":
		if (u.Host == "" || u.Host == "localhost") && strings.HasPrefix(u.Path, "/") && u.User == nil {
			return nil
		}
	case "http", "https":
		if u.Hostname() != "" && u.User == nil {
			return nil
		}
	}
	return invalidJob(op, want)
}

// validUID holds DICOM PS3.5 section 9.1: digits and dots, at most 64. The
// empty one is left to the caller.
func validUID(uid string) bool {
	return len(uid) <= 64 && strings.Trim(uid, "0123456789.") == ""
}

func invalidJob(op, format string, args ...any) error {
	return coded.New(CodeJobInvalid, op, fmt.Sprintf(format, args...), nil)
}
