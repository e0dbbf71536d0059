package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web"
)

func record(n int) string {
	return fmt.Sprintf(`{"0020000D":{"vr":"UI","Value":["1.2.%d"]}}`, n)
}

// TestPagesOfOddServers holds that servers which page in their own way neither
// lose records nor go on for ever.
func TestPagesOfOddServers(t *testing.T) {
	const total = 23
	for name, page := range map[string]func(limit, offset int) (from, to int){
		"as asked":             func(limit, offset int) (int, int) { return offset, offset + limit },
		"small pages":          func(_, offset int) (int, int) { return offset, offset + 3 },
		"no limit, no offset":  func(int, int) (int, int) { return 0, total },
		"offset, but no limit": func(_, offset int) (int, int) { return offset, total },
		"one came in between":  func(limit, offset int) (int, int) { return max(0, offset-1), offset + limit - 1 },
		"the last page again":  func(limit, offset int) (int, int) { return min(offset, total-limit), min(offset, total-limit) + limit },
	} {
		asked := 0
		client := faulty(t, nil, func(w http.ResponseWriter, r *http.Request) {
			asked++
			limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
			if err != nil {
				t.Error(err)
			}
			offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
			from, to := page(limit, offset)
			var records []string
			for i := from; i < min(to, total); i++ {
				records = append(records, record(i))
			}
			if len(records) == 0 {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			answerJSON(w, "["+strings.Join(records, ",")+"]")
		})
		found, err := client.Studies(t.Context(), web.Query{Page: 10})
		if err != nil || len(found) != total || asked > 12 {
			t.Errorf("%s: %d records after %d questions, %v", name, len(found), asked, err)
		}
		if found, err = client.Studies(t.Context(), web.Query{Page: 10, Limit: 12}); err != nil || len(found) != 12 {
			t.Errorf("%s: %d records of 12, %v", name, len(found), err)
		}
	}
}

func TestAnEndlessServerIsLeft(t *testing.T) {
	n := 0
	client := faulty(t, func(o *web.Options) { o.MaxBodyBytes = 1 << 18 }, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/dicom+json")
		_, _ = w.Write([]byte("["))
		for range 20_000 {
			n++
			if _, err := fmt.Fprintf(w, "%s,", record(n)); err != nil {
				return
			}
		}
	})
	_, err := client.Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeLimit)
}

func TestQueryIsWritten(t *testing.T) {
	client := faulty(t, nil, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/rs/studies/1.2/series" || q.Get("Modality") != "SR" || strings.Join(q["includefield"], " ") != "00081030 StationName" ||
			q.Get("PatientName") != "Müller & *" || r.Header.Get("Accept") != "application/dicom+json" {
			t.Errorf("asked %s?%s", r.URL.Path, r.URL.RawQuery)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	found, err := client.Series(t.Context(), "1.2", web.Query{
		Match: map[string]string{"Modality": "SR", "PatientName": "Müller & *"}, Fields: []string{"00081030", "StationName"},
	})
	if err != nil || len(found) != 0 {
		t.Error(found, err)
	}
	for _, uid := range []string{"", "..", "1.2/../3", "1.2?x", "a", strings.Repeat("1", 65), ".1", "1."} {
		if _, err := client.Instances(t.Context(), "1.2", uid, web.Query{}); dicomio.CodeOf(err) != dicomio.CodeRefusedThere {
			t.Errorf("UID %q: %v", uid, err)
		}
	}
}

func TestAnswersThatAreNotTheModel(t *testing.T) {
	for _, text := range []string{
		"", "{", "null", "[1]", `["a"]`, `[{"0020000D":1}]`, `[{"0020000D":{"vr":"UI","Value":"1.2"}}]`, `[{}]`,
		`[{"0020000D":{"vr":"UI","Value":[true]}}]`, `[{"0020000D":{"vr":"UI","Value":["1.2"]}}`, `[{"0020000D":{"vr":"UIUI"}}]`,
	} {
		client := faulty(t, func(o *web.Options) { o.Attempts = 1 }, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, text) })
		_, err := client.Studies(t.Context(), web.Query{})
		if dicomio.CodeOf(err) != dicomio.CodeArchiveFailed {
			t.Errorf("%s: %v", text, err)
		}
	}
	client := faulty(t, func(o *web.Options) { o.Attempts = 1 }, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>please sign in</html>"))
	})
	_, err := client.Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeArchiveFailed)
}
