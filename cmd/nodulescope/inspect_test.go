package main

import (
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestInspectOfPixelsThatAreRefused: a series whose headers are read and whose
// pixels are not is listed with its reason, and the folder is not said to be empty.
func TestInspectOfPixelsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	spec := dicomtest.Spec{Slices: 4, Syntax: "1.2.840.10008.1.2.4.70", Fragments: func([]byte) [][]byte { return [][]byte{make([]byte, 64)} }}
	if err := dicomtest.WriteSeries(dir, spec); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := command(t, exitBadInput, "inspect", dir)
	if !strings.Contains(stdout, ": refused\n") || !strings.Contains(stdout, "\n  refused  ") {
		t.Error(stdout)
	}
	if !strings.Contains(stderr, "the reasons are listed") || strings.Contains(stderr, "no DICOM image") {
		t.Error(stderr)
	}
	_, stderr = command(t, exitBadInput, "inspect", t.TempDir())
	if !strings.Contains(stderr, "no DICOM image") {
		t.Error(stderr)
	}
}
