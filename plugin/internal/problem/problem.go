// Package problem tells errors of any room as messages and logs carry them.
package problem

import (
	"errors"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// CodeOf returns the code of err, and "" where it carries none.
func CodeOf(err error) coded.Code {
	if code := coded.CodeOf(err); code != "" {
		return code
	}
	if code := nodule.CodeOf(err); code != "" {
		return coded.Code(code)
	}
	return coded.Code(bus.CodeOf(err))
}

// Code is that of err, and internal_error where it carries none.
func Code(err error) string {
	if code := CodeOf(err); code != "" {
		return string(code)
	}
	return string(coded.Internal)
}

// Summary is the text of err that may leave the machine: it holds no path and
// no cause that could name a patient.
func Summary(err error) string {
	var own *coded.Error
	var series *dicomio.Error
	var cut *nodule.Error
	var message *bus.Error
	switch {
	case errors.As(err, &own):
		return own.Summary()
	case errors.As(err, &series):
		return series.Summary()
	case errors.As(err, &cut):
		return cut.Op + ": " + cut.Hint + " (" + string(cut.Code) + ")"
	case errors.As(err, &message):
		return message.Op + ": " + message.Hint + " (" + string(message.Code) + ")"
	}
	return coded.Summary(err)
}

// Of is err as a result or a dead letter carries it.
func Of(err error) *bus.Problem { return &bus.Problem{Code: Code(err), Message: Summary(err)} }
