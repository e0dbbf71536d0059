package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// poison are messages that are no job, or one that cannot be scored.
var poison = []string{
	`not JSON`,
	`{"specversion": "1.0"}`,
	poisonEvent("org.nodulescope.job.v2", `{}`),
	poisonEvent("org.nodulescope.result.v1", `{}`),
	poisonEvent("org.nodulescope.job.v1", `{"series_uid": "1.2.3", "uri": "file:///srv/scan", "nodules": []}`),
	poisonEvent("org.nodulescope.job.v1", `{"series_uid": "1.2.3", "uri": "file:///srv/no-such-scan", "nodules": [{"id": "a", "position_lps_mm": [1, 2, 3]}]}`),
	poisonEvent("org.nodulescope.job.v1", `{"series_uid": "1.2.3", "uri": "ftp://elsewhere/scan", "nodules": [{"id": "a", "position_lps_mm": [1, 2, 3]}]}`),
}

func poisonEvent(kind, data string) string {
	return fmt.Sprintf(`{"specversion": "1.0", "id": "poison", "source": "/golden", "type": %q, "time": "2026-01-31T08:00:00Z", "traceparent": "00-11111111111111111111111111111111-2222222222222222-01", "datacontenttype": "application/json", "data": %s}`, kind, data)
}

// TestGoldenJourney: what comes over the bus from jobs, good and bad, and from
// the decisions of a reviewer, what the review page answers, and what the audit
// trail says of it.
func TestGoldenJourney(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	data := filepath.Join(dir, "data")
	if _, errs, code := goldenRun(t, dir, goldenPassword+"\n", "users", "add", "ann", "--role", "review", "--display-name", "Dr. Ann", "--data-dir", data); code != exitOK {
		t.Fatal(errs)
	}
	s := startGoldenService(t, data, "--detectors", "vae-ad")
	submit := func(nodules string, more ...string) string {
		return goldenOutput(t, dir, append([]string{"submit", "scan", "--nodules", nodules, "--nats-url", s.bus}, more...)...)
	}
	printed := submit("nodules.json", "--id", "first")
	result := resultOf(t, s.until("nodule.v1.result."))
	printed += submit("nodules.json", "--id", "first")
	moved := strings.Replace(readText(t, filepath.Join(dir, "nodules.json")), "900", "890", 1)
	if err := os.WriteFile(filepath.Join(dir, "moved.json"), []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	printed += submit("moved.json", "--id", "second", "--priority", "stat", "--source", "/nodulescope/submit")
	newer := resultOf(t, s.until("nodule.v1.result."))
	for _, text := range poison {
		s.publish("nodule.v1.job.local.routine", text)
		s.until("nodule.v1.dead.")
	}
	answers := reviewJourney(s, strings.TrimPrefix(newer, "sha256:"), strings.TrimPrefix(result, "sha256:"))
	goldenMessages(t, dir, s.told)
	goldenJSON(t, "answers.json", here(dir, answers), "csrf", "expires", "event_id", "published", "label", "detail")
	goldenJSON(t, "streams.json", s.streams(), "metadata")
	printed += goldenOutput(t, dir, "results", "--nats-url", s.bus)
	printed += goldenOutput(t, dir, "dead", "--nats-url", s.bus)
	printed = strings.NewReplacer(s.bus, "nats://bus", "Next: "+*goldenProgram+" ", "Next: nodulescope ").Replace(printed)
	goldenText(t, "printed.txt", maskText(stamp.ReplaceAllString(printed, "(time)")))
	goldenJSON(t, "dead.json", listOf(t, goldenOutput(t, dir, "dead", "--json", "--nats-url", s.bus)))
	s.stop()
	// A decision may be written again where its message is sent twice.
	trail := strings.ReplaceAll(readText(t, filepath.Join(data, "audit.jsonl")), `"again":true,`, "")
	goldenJSON(t, "audit.json", listOf(t, trail), "prev")
}

var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// here takes the temporary folder out of a text.
func here(dir string, text []byte) []byte { return bytes.ReplaceAll(text, []byte(dir), []byte("/srv")) }

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// listOf makes a list of lines of JSON.
func listOf(t *testing.T, lines string) []byte {
	t.Helper()
	var list []json.RawMessage
	scanner := bufio.NewScanner(strings.NewReader(lines))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		list = append(list, json.RawMessage(bytes.Clone(scanner.Bytes())))
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func resultOf(t *testing.T, m *nats.Msg) (identity string) {
	t.Helper()
	var event struct{ Data struct{ Identity string } }
	if err := json.Unmarshal(m.Data, &event); err != nil || event.Data.Identity == "" {
		t.Fatalf("no result: %v\n%s", err, m.Data)
	}
	return event.Data.Identity
}

// goldenMessages compares subject, headers and content of all messages, the
// poison left out.
func goldenMessages(t *testing.T, dir string, told []*nats.Msg) {
	t.Helper()
	type message struct {
		Subject string          `json:"subject"`
		Headers nats.Header     `json:"headers,omitempty"`
		Data    json.RawMessage `json:"data"`
	}
	var list []message
	for _, m := range told {
		if len(m.Header) == 0 { // poison
			continue
		}
		text := here(dir, m.Data)
		if strings.HasPrefix(m.Subject, "nodule.v1.dead.") { // id and message id follow from the time
			m.Header.Set(nats.MsgIdHdr, masked)
			text = regexp.MustCompile(`"id":"[0-9a-f]{64}"`).ReplaceAll(text, []byte(`"id":"`+masked+`"`))
		}
		list = append(list, message{m.Subject, m.Header, text})
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	goldenJSON(t, "messages.json", here(dir, text))
}

// reviewJourney signs in, looks and decides, and returns the answers.
func reviewJourney(s *goldenService, id, older string) []byte {
	answers := map[string]json.RawMessage{}
	say := func(name string, answer []byte) {
		answers[name] = answer
	}
	finding := "/series/" + id + "/findings/1"
	decide := func(verdict, kind, comment string, base, want int) []byte {
		return s.call(http.MethodPut, finding+"/decision", map[string]any{"verdict": verdict, "kind": kind, "comment": comment, "base_version": base}, want)
	}
	say("01 not signed in", s.call(http.MethodGet, "/worklist", nil, http.StatusUnauthorized))
	say("02 session", s.signIn("ann"))
	say("03 worklist", s.call(http.MethodGet, "/worklist?superseded=true&sort=time", nil, http.StatusOK))
	say("04 series", s.call(http.MethodGet, "/series/"+id, nil, http.StatusOK))
	say("05 suspicious", decide("suspicious", "", "", 0, http.StatusOK))
	s.until("nodule.v1.review.")
	say("06 conflict", decide("unsure", "", "", 0, http.StatusConflict))
	say("07 not a nodule", decide("not_nodule", "other", "a vessel\nin the hilum", 1, http.StatusOK))
	s.until("nodule.v1.review.")
	say("08 no kind", decide("not_nodule", "", "", 2, http.StatusBadRequest))
	say("09 decisions", s.call(http.MethodGet, finding+"/decisions", nil, http.StatusOK))
	say("10 superseded", s.call(http.MethodPut, "/series/"+older+"/findings/1/decision", map[string]any{"verdict": "suspicious", "kind": "", "comment": "", "base_version": 0}, http.StatusConflict))
	say("11 no finding", s.call(http.MethodGet, "/series/"+id+"/findings/9", nil, http.StatusNotFound))
	table, err := json.Marshal(stamp.ReplaceAllString(string(s.call(http.MethodGet, "/decisions.csv", nil, http.StatusOK)), "(time)"))
	if err != nil {
		s.t.Fatal(err)
	}
	say("12 decisions.csv", table)
	text, err := json.Marshal(answers)
	if err != nil {
		s.t.Fatal(err)
	}
	// Rows of refused jobs are named after the time at which they were refused.
	return regexp.MustCompile(`"[0-9a-f]{64}"`).ReplaceAllFunc(text, func(name []byte) []byte {
		if plain := strings.Trim(string(name), `"`); plain == id || plain == older {
			return name
		}
		return []byte(`"` + masked + `"`)
	})
}

// streams is what the broker says of the settings of each stream.
func (s *goldenService) streams() []byte {
	s.t.Helper()
	js, err := jetstream.New(s.conn)
	if err != nil {
		s.t.Fatal(err)
	}
	settings := map[string]jetstream.StreamConfig{}
	for _, name := range []string{"JOBS", "RESULTS", "REVIEWS", "DEAD"} {
		stream, err := js.Stream(s.t.Context(), name)
		if err != nil {
			s.t.Fatal(err)
		}
		settings[name] = stream.CachedInfo().Config
	}
	text, err := json.Marshal(settings)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}
