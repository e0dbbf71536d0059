package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/documents"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// TestExitCodeOfEveryCode holds the exit code of every error that a package
// names: scripts of sites depend on it.
func TestExitCodeOfEveryCode(t *testing.T) {
	wants := map[int][]error{
		exitBadInput: {models.ErrCheckpoint, models.ErrDigest, detector.ErrPreprocessing, detector.ErrNoNormals, detector.ErrTooFew, accounts.ErrFile},
	}
	add := func(status int, err error) { wants[status] = append(wants[status], err) }
	for _, code := range []dicomio.Code{
		dicomio.CodeFolderMissing, dicomio.CodeFolderEmpty, dicomio.CodeUnreadable, dicomio.CodeTruncated, dicomio.CodeNoPixelData,
		dicomio.CodeNoPixelSpacing, dicomio.CodeNoPosition, dicomio.CodeNotCT, dicomio.CodeSeriesNotFound, dicomio.CodeSeriesAmbiguous,
		dicomio.CodeTransferSyntax, dicomio.CodePixelFormat, dicomio.CodeMultiFrame, dicomio.CodeSizeMismatch, dicomio.CodeTooFewSlices,
		dicomio.CodeMissingSlices, dicomio.CodeIrregularSpacing, dicomio.CodeDuplicatePosition, dicomio.CodeMixedGeometry,
		dicomio.CodeSeveralVolumes, dicomio.CodeMixedVolumes, dicomio.CodeGantryTilt, dicomio.CodeLimit, dicomio.CodeNotStored,
		sr.CodeReportInvalid, sr.CodeNotWritten, sr.CodeNotReport,
	} {
		add(exitBadInput, &dicomio.Error{Code: code})
	}
	for _, code := range []dicomio.Code{
		dicomio.CodeUnreachable, dicomio.CodeArchiveFailed, dicomio.CodeDenied, dicomio.CodeRefusedThere, dicomio.CodeStoreRefused,
	} {
		add(exitFailure, &dicomio.Error{Code: code})
	}
	for _, code := range []nodule.Code{
		nodule.CodeCandidateInvalid, nodule.CodeCandidateOutside, nodule.CodeCandidateDuplicate, nodule.CodeTooManyCandidates,
		nodule.CodeNoCandidates, nodule.CodeCandidateElsewhere, nodule.CodeCandidateFileInvalid, nodule.CodeGapInNodule, nodule.CodeCubePadding, nodule.CodeSupportTooSmall,
		nodule.CodeGeometryInvalid, nodule.CodeDatasetInvalid, nodule.CodeSplitInvalid,
	} {
		add(exitBadInput, &nodule.Error{Code: code})
	}
	for _, code := range []bus.Code{
		bus.CodeNotJSON, bus.CodeNotCloudEvent, bus.CodeSchemaVersion, bus.CodeWrongType, bus.CodeJobTooLarge, bus.CodeTooManyNodules,
		bus.CodeJobInvalid, bus.CodeResultInvalid, bus.CodeReviewInvalid, bus.CodeDeadInvalid, bus.CodeMessageTooLarge, bus.CodeNotReplayable,
	} {
		add(exitBadInput, &bus.Error{Code: code})
	}
	for _, code := range []bus.Code{bus.CodeSettings, bus.CodeSiteInvalid} {
		add(exitUsage, &bus.Error{Code: code})
	}
	for _, code := range []bus.Code{
		bus.CodeRetriesExhausted, bus.CodeStream, bus.CodeIncompatible, bus.CodeStoreLocked, bus.CodeServer, bus.CodeUnreachable, "not_known_here",
	} {
		add(exitFailure, &bus.Error{Code: code})
	}
	for _, code := range []plugin.Code{
		series.CodeURIUnsupported, series.CodeURIForbidden, series.CodeStudyMismatch, series.CodeMismatch, series.CodeFrameMismatch,
	} {
		add(exitBadInput, &plugin.Error{Code: code})
	}
	add(exitUsage, &plugin.Error{Code: plugin.CodeSettings})
	for _, code := range []plugin.Code{
		scoring.CodeDetectorFailed, scoring.CodeOutlineFailed, scoring.CodeScoreNotFinite, plugin.CodeDeadlinePassed, plugin.CodeTimedOut, plugin.CodeRetriesExhausted,
		plugin.CodeInternal, plugin.CodeLedger, plugin.CodeLedgerLocked, audit.CodeFailed, documents.CodeGone, "not_known_here",
	} {
		add(exitFailure, &plugin.Error{Code: code})
	}
	for want, errs := range wants {
		for _, err := range errs {
			if got := exitCode(t.Context(), fmt.Errorf("command: %w", err)); got != want {
				t.Errorf("exit code %d of %q, want %d", got, err, want)
			}
		}
	}
}

// TestEveryCodeHasAnExitCode reads the codes in the sources.
func TestEveryCodeHasAnExitCode(t *testing.T) {
	constant := regexp.MustCompile(`(?m)^\s*(?:const )?Code\w+\s+(?:\w+\.)?Code\s*=\s*"([a-z_]+)"`)
	found := map[string]bool{"internal_error": true}
	for _, room := range []string{"internal", "dicomio", "nodule", "detector", "bus", "plugin"} {
		err := fs.WalkDir(os.DirFS("../../"+room), ".", func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(filepath.Join("../..", room, path))
			for _, match := range constant.FindAllStringSubmatch(string(text), -1) {
				found[match[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 60 {
		t.Fatalf("only %d codes are found: is the expression still right?", len(found))
	}
	for code := range found {
		if _, known := exitCodes[code]; !known {
			t.Errorf("%s has no exit code", code)
		}
	}
	for code := range exitCodes {
		if !found[code] {
			t.Errorf("%s is no code of a package", code)
		}
	}
}
