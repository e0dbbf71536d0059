package nodule

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

func TestCandidateValidate(t *testing.T) {
	good := Candidate{ID: "Knoten 1 (links)", PositionLPS: dicomio.Vec{-5000, 0, 5000}, DiameterMM: 200, Confidence: 0.4}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Candidate){
		"NaN":               func(c *Candidate) { c.PositionLPS[1] = math.NaN() },
		"infinite":          func(c *Candidate) { c.PositionLPS[2] = math.Inf(-1) },
		"absurd":            func(c *Candidate) { c.PositionLPS[0] = 5000.1 },
		"negative diameter": func(c *Candidate) { c.DiameterMM = -1 },
		"NaN diameter":      func(c *Candidate) { c.DiameterMM = math.NaN() },
		"huge diameter":     func(c *Candidate) { c.DiameterMM = 201 },
		"NaN confidence":    func(c *Candidate) { c.Confidence = math.NaN() },
		"no id":             func(c *Candidate) { c.ID = "" },
		"long id":           func(c *Candidate) { c.ID = strings.Repeat("ä", 129) },
		"line break":        func(c *Candidate) { c.ID = "a\nb" },
		"not UTF-8":         func(c *Candidate) { c.ID = "a\xff" },
	} {
		c := good
		change(&c)
		if err := c.Validate(); CodeOf(err) != CodeCandidateInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.ID = strings.Repeat("ä", 128)
	if err := good.Validate(); err != nil {
		t.Errorf("128 characters: %v", err)
	}
}

func TestValidateAll(t *testing.T) {
	list := func(n int) []Candidate {
		cs := make([]Candidate, n)
		for i := range cs {
			cs[i].ID = fmt.Sprint(i)
		}
		return cs
	}
	if err := ValidateAll(list(512)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, ValidateAll(nil), CodeNoCandidates)
	wantCode(t, ValidateAll(list(513)), CodeTooManyCandidates)
	twice := list(3)
	twice[2].ID = "0"
	wantCode(t, ValidateAll(twice), CodeCandidateDuplicate)
	bad := list(3)
	bad[1].DiameterMM = -1
	err := ValidateAll(bad)
	wantCode(t, err, CodeCandidateInvalid)
	if !strings.Contains(err.Error(), "candidate 2 of 3") {
		t.Errorf("error does not say which: %v", err)
	}
}

func TestErrorSaysWhatAndWhy(t *testing.T) {
	err := &Error{Code: CodeDatasetInvalid, Op: "load data set", Path: "a.npz", Hint: "give another", Err: fs.ErrNotExist}
	if got, want := err.Error(), "load data set a.npz: give another: file does not exist (dataset_invalid)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}

func TestCodeOf(t *testing.T) {
	mine := &Error{Code: CodeCubePadding}
	theirs := &dicomio.Error{Code: dicomio.CodeTruncated}
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{errors.New("x"), ""},
		{fmt.Errorf("a: %w", mine), "cube_padding"},
		{fmt.Errorf("a: %w", fmt.Errorf("b: %w", theirs)), "file_truncated"},
		{errors.Join(errors.New("x"), theirs), "file_truncated"},
		{&Error{Code: CodeDatasetInvalid, Err: theirs}, "dataset_invalid"},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}
