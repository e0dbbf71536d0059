package bus

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/internal/coded"
)

func TestResultRoundTrip(t *testing.T) {
	want := sampleResult("sha256:abc")
	data, err := EncodeResult("/plugin", want)
	if err != nil {
		t.Fatal(err)
	}
	env, got, err := DecodeResult(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if env.ID != want.Identity || env.Type != TypeResult {
		t.Errorf("envelope %+v", env)
	}
}

// storedResult is a message as it was published before results told what
// computed their scores.
const storedResult = `{"specversion":"1.0","id":"sha256:3b0c","source":"/nodulescope/local","type":"org.nodulescope.result.v1",` +
	`"time":"2026-05-04T10:11:12Z","datacontenttype":"application/json","data":{"identity":"sha256:3b0c","job_id":"j1","job_source":"/detector/a",` +
	`"study_uid":"1.2.3","series_uid":"1.2.3.4","software":"nodulescope 0.1.0","preprocessing":"v1","intended_use":"","models":[{"name":"vae-ad",` +
	`"digest":"sha256:aa","calibration":"uncalibrated","prevalence":0,"threshold":0.1}],"geometry":{"spacing_mm":[1,1,1],"tilt_deg":0,"slices":48,` +
	`"missing_slices":0},"nodules":[{"id":"n1","position_lps_mm":[1,2,3],"scores":[{"model":"vae-ad","digest":"sha256:aa","raw":1.5,"sum":2,` +
	`"per_voxel":3,"kl":4,"probability":null,"calibration":"uncalibrated","percentile":50,"anomalous":true}],"padding_pct":0}],` +
	`"timings_ms":{"read":1,"cut":2,"score":3,"total":6}}}`

// TestStoredResult: a message of an earlier version is read, and says nothing
// of what computed it; a newer one says it in three fields.
func TestStoredResult(t *testing.T) {
	_, r, err := DecodeResult([]byte(storedResult))
	if err != nil || len(r.Nodules) != 1 || r.Nodules[0].Scores[0].Raw != 1.5 || r.Nodules[0].Scores[0].ComputedBy != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	r.Nodules[0].Scores[0].ComputedBy = &Machine{Device: "cpu", Name: "avx512", Precision: "float32"}
	data, err := EncodeResult("/nodulescope/local", r)
	if err != nil || !strings.Contains(string(data), `"computed_by":{"device":"cpu","name":"avx512","precision":"float32"}`) {
		t.Errorf("%v: %s", err, data)
	}
	if text := r.Nodules[0].Scores[0].ComputedBy.String(); text != "cpu avx512 float32" {
		t.Errorf("%q", text)
	}
}

func TestResultRefuses(t *testing.T) {
	// Blanks name nothing: neither an identity nor, in what others send, an id.
	if _, err := EncodeResult("/plugin", sampleResult(" \u00a0")); CodeOf(err) != CodeResultInvalid {
		t.Errorf("a blank identity: %v", err)
	}
	valid, err := EncodeResult("/plugin", sampleResult("identity-1"))
	if err != nil {
		t.Fatal(err)
	}
	blank := bytes.Replace(valid, []byte(`"identity":"identity-1"`), []byte(`"identity":" "`), 1)
	if _, _, err := DecodeResult(blank); CodeOf(err) != CodeResultInvalid {
		t.Errorf("a result with a blank identity: %v", err)
	}
	if _, err := EncodeResult("/plugin", Result{}); CodeOf(err) != CodeResultInvalid {
		t.Error(err)
	}
	big := sampleResult("x")
	big.IntendedUse = strings.Repeat("x", maxResultBytes)
	if _, err := EncodeResult("/plugin", big); CodeOf(err) != CodeMessageTooLarge {
		t.Error(err)
	}
	if _, _, err := DecodeResult(make([]byte, maxResultBytes+1)); CodeOf(err) != CodeMessageTooLarge {
		t.Error(err)
	}
	if _, _, err := DecodeResult(jobText("a", "a")); CodeOf(err) != CodeWrongType {
		t.Error(err)
	}
}

func TestReviewRoundTripAndRefusals(t *testing.T) {
	want := Review{Identity: "x", NoduleID: "n1", Verdict: NotNodule, Kind: "vessel", Decision: "reject", Reason: "vessel", Comment: "Gefäß",
		Reviewer: "r7", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Version: 2}
	data, err := reviews.encode("/review", ReviewID(want), want)
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := reviews.decode(data); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	second := want
	second.Version++
	if ReviewID(want) == ReviewID(second) {
		t.Error("two versions of a decision have one id")
	}
	for name, change := range map[string]func(*Review){
		"verdict":  func(r *Review) { r.Verdict = "maybe" },
		"neither":  func(r *Review) { r.Verdict, r.Kind, r.Decision, r.Reason = "", "", "maybe", "" },
		"no kind":  func(r *Review) { r.Kind = "" },
		"a kind":   func(r *Review) { r.Verdict = Benign },
		"reviewer": func(r *Review) { r.Reviewer = "" },
		"nodule":   func(r *Review) { r.NoduleID = "" },
		"utf-8":    func(r *Review) { r.Comment = "\xff" },
	} {
		r := want
		change(&r)
		if _, err := reviews.encode("/review", ReviewID(r), r); CodeOf(err) != CodeReviewInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeadRoundTripAndRefusals(t *testing.T) {
	want := Dead{Code: "not_json", Message: "m", Subject: "nodule.v1.job.s.stat", Sequence: 3, Digest: "sha256:0",
		Size: 70000, Payload: []byte{0, 255}, Headers: map[string][]string{"A": {"1", "2"}}, Time: time.Unix(1, 0).UTC()}
	data, err := letters.encode("/bus", "1", want)
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := letters.decode(data); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	for name, bad := range map[string]Dead{
		"no code":   {Size: 1},
		"too much":  {Code: "c", Size: maxDeadBytes + 1, Payload: make([]byte, maxDeadBytes+1)},
		"too small": {Code: "c", Size: 1, Payload: make([]byte, 2)},
	} {
		if _, err := letters.encode("/bus", "1", bad); CodeOf(err) != CodeDeadInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTraceParent(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" // of the specification, not sampled
	child := ChildTraceParent(parent)
	if !validTraceParent(child) || child[:36] != parent[:36] || child[36:52] == parent[36:52] || child[52:] != "-00" {
		t.Errorf("child %s", child)
	}
	if first, second := newTraceParent(), newTraceParent(); first == second {
		t.Error("two traces are the same")
	}
	for _, bad := range []string{"", "00-x", strings.ToUpper(parent), "ff" + parent[2:], parent + "-1",
		"00-00000000000000000000000000000000-b7ad6b7169203331-00", parent[:36] + "0000000000000000-00"} {
		if validTraceParent(bad) {
			t.Errorf("%q is taken for valid", bad)
		}
		if !validTraceParent(ChildTraceParent(bad)) {
			t.Errorf("child of %q is not valid", bad)
		}
	}
	if !validTraceParent("01" + parent[2:] + "-later") {
		t.Error("a later version is not read")
	}
}

func TestSubjects(t *testing.T) {
	got, err := jobSubject("st-mary-2", "")
	if err != nil || got != "nodule.v1.job.st-mary-2.routine" {
		t.Error(got, err)
	}
	if site, priority, ok := parseJobSubject(got); !ok || site != "st-mary-2" || priority != "routine" {
		t.Error(site, priority, ok)
	}
	for _, bad := range []string{"", "A", "a.b", "a*", ">", "ü", strings.Repeat("a", 33), "a b"} {
		_, err1 := jobSubject(bad, "stat")
		_, err2 := resultSubject(bad)
		_, err3 := reviewSubject(bad)
		_, err4 := deadSubject(bad)
		for _, err := range []error{err1, err2, err3, err4} {
			if CodeOf(err) != CodeSiteInvalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	for _, bad := range []string{"", "nodule.v1.job.a", "nodule.v1.job.a.", "nodule.v1.job.a.b.stat", "nodule.v1.result.a"} {
		if _, _, ok := parseJobSubject(bad); ok {
			t.Errorf("%q is taken for a job subject", bad)
		}
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("disk\nfull")
	err := coded.New(CodeStream, "submit job", "free some space", cause)
	if got := err.Error(); got != "submit job: free some space: disk full (stream_unavailable)" {
		t.Errorf("%q", got)
	}
	if !errors.Is(err, cause) || CodeOf(cause) != "" {
		t.Error("the cause is lost")
	}
}

func TestDigestKeepsPartsApart(t *testing.T) {
	if messageID("a/b", "c") == messageID("a", "b/c") || messageID("a") == messageID("a", "") {
		t.Error("different parts have one digest")
	}
}
