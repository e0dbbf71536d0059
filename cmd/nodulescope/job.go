package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// jobSource names the sender of the jobs that this program makes, where the
// user names none. score uses it too: so its result has the identity of the
// one that the service gives for the same job.
const jobSource = "/nodulescope/submit"

const nodulesHelp = `FILE holds the candidates in LPS millimetres and may be
  JSON        {"nodules": [{"id": "n1", "position_lps_mm": [56.2, 86.3, -115.9], "diameter_mm": 23.4}]}
  LUNA16 CSV  seriesuid,coordX,coordY,coordZ,diameter_mm: the rows of the series are taken
  LIDC XML    the contours of the readers; marks of one nodule are joined
  DICOM SR    the nodules of a measurement report (template 1500) or of a Chest CAD report`

// readJob reads the headers of the series in a folder, which may be given as a
// file:// URI, or in a PACS, and the candidates in a file, and makes the job for
// them. seriesUID may be empty where the folder holds one CT series. What the
// file holds besides candidates of the series is told on stderr.
func readJob(ctx context.Context, place, nodules, seriesUID string, reader series.Reader, stderr io.Writer) (bus.Job, *dicomio.Series, error) {
	uri, err := placeURI(place)
	if err != nil {
		return bus.Job{}, nil, err
	}
	s, err := reader.Open(ctx, series.Place{URI: uri, SeriesUID: seriesUID})
	if err != nil {
		return bus.Job{}, nil, err
	}
	file, err := nodule.OpenCandidates(ctx, nodules)
	if err != nil {
		return bus.Job{}, nil, err
	}
	candidates, skipped, err := file.In(s)
	if err == nil {
		err = nodule.ValidateAll(candidates)
	}
	if err != nil {
		return bus.Job{}, nil, fmt.Errorf("read candidates %s: %w", nodules, err)
	}
	if len(skipped) > 0 {
		fmt.Fprintln(stderr, skippedLine(skipped))
	}
	job := bus.Job{
		StudyUID: s.StudyUID, SeriesUID: s.SeriesUID, FrameOfReferenceUID: s.FrameOfReferenceUID,
		URI: uri, Nodules: make([]bus.JobNodule, len(candidates)), Priority: bus.PriorityRoutine,
	}
	for i, c := range candidates {
		job.Nodules[i] = bus.JobNodule{ID: c.ID, PositionLPS: c.PositionLPS, DiameterMM: c.DiameterMM, Confidence: c.Confidence}
	}
	return job, s, nil
}

// skippedLine says how many entries of a file of candidates were left out, and
// why.
func skippedLine(skipped []nodule.Skipped) string {
	total := 0
	reasons := make([]string, len(skipped))
	for i, s := range skipped {
		total += s.Count
		reasons[i] = fmt.Sprintf("%s (%d)", s.Reason, s.Count)
	}
	return fmt.Sprintf("nodulescope: skipped in the file of candidates: %d — %s", total, strings.Join(reasons, ", "))
}

// placeURI takes a folder, the URI of one, or that of a series in a PACS, and
// returns the URI that a job carries.
func placeURI(place string) (uri string, err error) {
	switch {
	case series.IsArchiveURI(place):
		base, study, uid, err := series.SplitArchiveURI(place)
		if err != nil {
			return "", err
		}
		return series.ArchiveURI(base, study, uid), nil
	case strings.HasPrefix(place, "file:") || strings.Contains(place, "://"):
		_, err = series.FolderOf(place, nil)
		return place, err
	}
	return series.FileURI(place)
}

// jobID names a job by all that it says, so that the same submission twice is
// one job. Nobody can read a UID from it.
func jobID(job bus.Job) (string, error) {
	text, err := json.Marshal(job)
	if err != nil {
		return "", fmt.Errorf("name job: %w", err)
	}
	sum := sha256.Sum256(text)
	return "job-" + hex.EncodeToString(sum[:16]), nil
}

// program is how this program was called, so that commands it proposes work as
// they are printed: bin/nodulescope after 'make demo'.
func program() string {
	called := os.Args[0]
	if strings.TrimSuffix(filepath.Base(called), ".exe") != "nodulescope" {
		return "nodulescope" // within another program, such as a test
	}
	return quoted(called)
}

// quoted writes an argument so that a shell takes it as one word.
func quoted(argument string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:\\", r)
	}
	if argument != "" && strings.IndexFunc(argument, func(r rune) bool { return !plain(r) }) < 0 {
		return argument
	}
	return "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
}
