package answer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/plugin/review/store"
)

func TestError(t *testing.T) {
	secret := errors.New("open /ct/doe^jane: no such file")
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
		logged bool
	}{
		{"a problem", Fail(http.StatusConflict, CodeConflict, "another reviewer was first", secret), 409, CodeConflict, false},
		{"a problem within an error", fmt.Errorf("decide: %w", Invalid("no choice")), 400, CodeRequestInvalid, false},
		{"a body over the limit", &http.MaxBytesError{Limit: 9}, 413, CodeBodyTooLarge, false},
		{"what the store does not hold", fmt.Errorf("record: %w", store.ErrNotFound), 404, CodeNotFound, false},
		{"what the store refuses", store.ErrInvalid, 400, CodeDecisionInvalid, false},
		{"a ledger that fails", LedgerRead(secret), 500, CodeLedger, true},
		{"an audit trail that fails", Unaudited("not decided", secret), 500, CodeAudit, true},
		{"all else", secret, 500, CodeInternal, true},
	} {
		var log bytes.Buffer
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/series/1.2.3", nil)
		Error(w, r, slog.New(slog.NewTextHandler(&log, nil)), c.err)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if w.Code != c.status || p.Status != c.status || p.Code != c.code || p.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: HTTP %d, %+v", c.name, w.Code, p)
		}
		if logged := log.Len() > 0; logged != c.logged || logged && !strings.Contains(log.String(), c.code) {
			t.Errorf("%s: logged %q", c.name, log.String())
		}
		if text := w.Body.String() + log.String(); strings.Contains(text, "doe^jane") || strings.Contains(text, "1.2.3") {
			t.Errorf("%s: the answer or the log tells too much: %s", c.name, text)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	Error(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(gone), slog.New(slog.DiscardHandler), secret)
	if w.Body.Len() != 0 {
		t.Errorf("a client that went away was answered: %s", w.Body)
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ kind, body, detail string }{
		{"application/json", `{"n": 1}`, ""},
		{"application/json; charset=utf-8", `{"n": 1} `, ""},
		{"text/plain", `{"n": 1}`, "send application/json"},
		{"application/json", `{"m": 1}`, "not the JSON object"},
		{"application/json", `{"n": `, "not the JSON object"},
		{"application/json", `{"n": 1} {}`, "more after"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		var into struct{ N int }
		err := Read(r, &into)
		var p *Problem
		switch {
		case c.detail == "" && (err != nil || into.N != 1):
			t.Errorf("%s: %v", c.body, err)
		case c.detail != "" && (!errors.As(err, &p) || p.Code != CodeRequestInvalid || !strings.Contains(p.Detail, c.detail)):
			t.Errorf("%s: %v, want %q", c.body, err, c.detail)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"n": 123456}`))
	r.Header.Set("Content-Type", "application/json")
	r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 5)
	var large *http.MaxBytesError
	if err := Read(r, &struct{ N int }{}); !errors.As(err, &large) {
		t.Errorf("a body over the limit: %v", err)
	}
}

func TestJSON(t *testing.T) {
	w := httptest.NewRecorder()
	if err := JSON(w, "application/dicom+json", []int{1}); err != nil || w.Body.String() != "[1]" || w.Header().Get("Content-Type") != "application/dicom+json" {
		t.Errorf("%s, %v", w.Body, err)
	}
	w = httptest.NewRecorder()
	if err := JSON(w, "application/json", math.NaN()); err == nil || w.Body.Len() != 0 {
		t.Errorf("NaN was answered: %s", w.Body)
	}
}
