package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

func TestErrors(t *testing.T) {
	cause := errors.New("/data/Doe^Jane/x\nnot there")
	for name, err := range map[string]error{
		"own":     coded.New("ledger_failed", "op", "hint", cause),
		"dicomio": &dicomio.Error{Code: dicomio.CodeNotCT, Op: "op", Path: "/data/Doe^Jane", Hint: "hint", Err: cause},
		"nodule":  &nodule.Error{Code: nodule.CodeCubePadding, Op: "op", Hint: "hint", Err: cause},
		"bus":     &bus.Error{Code: bus.CodeStream, Op: "op", Hint: "hint", Err: cause},
		"plain":   cause,
	} {
		wrapped := errors.Join(errors.New("Doe"), err)
		text := coded.Summary(wrapped)
		if strings.Contains(text, "Doe") || strings.ContainsAny(text, "\n") {
			t.Errorf("%s: %s", name, text)
		}
		p := bus.ProblemOf(wrapped)
		if p.Code == "" || !strings.Contains(text, p.Code) || p.Message != text {
			t.Errorf("%s: %+v, %s", name, p, text)
		}
		if !errors.Is(err, cause) {
			t.Errorf("%s: the cause is lost", name)
		}
	}
	if coded.CodeOf(nil) != "" || coded.CodeOf(cause) != "" {
		t.Error("a code came from nowhere")
	}
}
