package coded

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestTexts(t *testing.T) {
	inner := &Error{Code: "file_truncated", Op: "read image", Hint: "fetch it again", Err: fs.ErrNotExist}
	for _, c := range []struct {
		name          string
		err           error
		text, summary string
		code          Code
	}{
		{"whole", &Error{Code: "no_position", Op: "open series", Path: "/ct/doe^jane", Hint: "send it again", Err: errors.New("no\nposition")},
			"open series /ct/doe^jane: send it again: no position (no_position)", "open series: send it again (no_position)", "no_position"},
		{"the same code is printed once", &Error{Code: "file_truncated", Op: "open series", Err: fmt.Errorf("slice 3: %w", inner)},
			"open series: slice 3: read image: fetch it again: file does not exist (file_truncated)", "open series (file_truncated)", "file_truncated"},
		{"another code of the cause stays", New("too_few_slices", "open series", "", inner),
			"open series: read image: fetch it again: file does not exist (file_truncated) (too_few_slices)", "open series (too_few_slices)", "too_few_slices"},
		{"wrapped and joined", errors.Join(errors.New("x"), fmt.Errorf("y: %w", inner)),
			"x\ny: read image: fetch it again: file does not exist (file_truncated)", "read image: fetch it again (file_truncated)", "file_truncated"},
		{"without an operation", New("job_invalid", "", "nodules: none", nil), "nodules: none (job_invalid)", "nodules: none (job_invalid)", "job_invalid"},
		{"no code", errors.New("/ct/doe^jane"), "/ct/doe^jane", "an error without a code; the log of the service has more (internal_error)", ""},
	} {
		if got := c.err.Error(); got != c.text {
			t.Errorf("%s: %q, want %q", c.name, got, c.text)
		}
		if got := Summary(c.err); got != c.summary {
			t.Errorf("%s: summary %q, want %q", c.name, got, c.summary)
		}
		if got := CodeOf(c.err); got != c.code {
			t.Errorf("%s: code %q, want %q", c.name, got, c.code)
		}
	}
	if !errors.Is(inner, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	if CodeOf(nil) != "" {
		t.Error("nil has a code")
	}
}
