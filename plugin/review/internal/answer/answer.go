// Package answer is how the review API speaks: JSON in, JSON out, and problems
// with a code that never changes.
//
// # Problems
//
// A handler returns an error; [Error] answers it as application/problem+json
// (RFC 9457). A [Problem] is answered as it is, errors of package store have the
// codes that the API describes, and all else is internal_error: its text may
// name a patient and goes nowhere.
package answer

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// JSON answers with a value.
func JSON(w http.ResponseWriter, contentType string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(text) // a client that went away
	return nil
}

// Read reads the one JSON object of a request.
func Read(r *http.Request, into any) error {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" && kind != "application/json; charset=utf-8" && kind != "application/json;charset=UTF-8" {
		return Invalid("send application/json")
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return Invalid("the body is not the JSON object that openapi.yaml describes")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Invalid("there is more after the JSON object")
	}
	return nil
}
