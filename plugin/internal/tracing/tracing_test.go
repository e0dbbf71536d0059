package tracing

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://collector:4318":       "http://collector:4318/v1/traces",
		"https://collector/":          "https://collector/v1/traces",
		"http://collector:4318/other": "http://collector:4318/other",
	} {
		o := Options{URL: address}
		if got, err := o.endpoint(); got != want || err != nil || o.Check() != nil {
			t.Errorf("%s: %s, %v", address, got, err)
		}
	}
	for _, address := range []string{"collector:4318", "ftp://collector", "http://", "http://ann:secret@collector", "://"} {
		o := Options{URL: address}
		if err := o.Check(); coded.CodeOf(err) != CodeSettings {
			t.Errorf("%s was taken: %v", address, err)
		}
		if _, err := New(t.Context(), o); coded.CodeOf(err) != CodeSettings {
			t.Errorf("%s was opened: %v", address, err)
		}
	}
}

// TestNowhere: without an address nothing is made, and a collector that is not there
// costs a stop no more than exportEnd.
func TestNowhere(t *testing.T) {
	none, err := New(t.Context(), Options{})
	if none != nil || err != nil || none.Close() != nil {
		t.Errorf("%v, %v", none, err)
	}
	away, err := New(t.Context(), Options{URL: "http://127.0.0.1:1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	_, span := away.tracer.Start(t.Context(), "job")
	span.End()
	began := time.Now()
	_ = away.Close()
	if took := time.Since(began); took > 5*exportEnd {
		t.Errorf("a stop took %v", took)
	}
}
