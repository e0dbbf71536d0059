package review

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Every route is described, every described path is a route, and every code
// that is answered is listed.
func TestDescriptionIsComplete(t *testing.T) {
	text := string(description)
	described := map[string]bool{}
	path := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := regexp.MustCompile(`^  (/\S*):$`).FindStringSubmatch(line); m != nil {
			path = m[1]
		}
		if m := regexp.MustCompile(`^    (get|post|put|delete):$`).FindStringSubmatch(line); m != nil && path != "" {
			described[strings.ToUpper(m[1])+" /api/v1"+path] = true
		}
		if line == "components:" {
			path = ""
		}
	}
	source, err := os.ReadFile("server.go")
	checktest.Must(t, err)
	routes := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:public|signed)\((dicomWeb\+)?"([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		route := m[2]
		if m[1] != "" {
			route = "GET /api/v1/dicom-web/studies/{study}/series/{series}/" + route
		}
		if strings.Contains(route, "/api/v1/") {
			routes[route] = true
		}
	}
	if d := cmp.Diff(described, routes); d != "" || len(routes) < 15 {
		t.Errorf("described and served differ: %s", d)
	}
	codes, err := os.ReadFile("internal/answer/problem.go")
	checktest.Must(t, err)
	for _, m := range regexp.MustCompile(`Code\w+ += "(\w+)"`).FindAllStringSubmatch(string(codes), -1) {
		if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(text) {
			t.Errorf("code %s is not described", m[1])
		}
	}
}

// Idle time, absolute time, and what does not prolong a session.
func TestSessionTimes(t *testing.T) {
	s := newServer(t, nil)
	c := s.signedInAs("ann")
	for range 3 {
		s.clock.add(DefaultIdle - time.Second)
		c.call(200, "GET", "/api/v1/worklist", nil, nil)
	}
	s.clock.add(DefaultIdle - time.Second)
	c.call(204, "POST", "/api/v1/session/activity", nil, nil)
	s.clock.add(DefaultIdle - time.Second)
	c.call(204, "POST", "/api/v1/session/activity", nil, nil)
	s.clock.add(DefaultIdle / 2)
	c.call(200, "GET", "/api/v1/session", nil, nil)
	s.clock.add(DefaultIdle/2 + time.Second)
	c.call(401, "GET", "/api/v1/worklist", nil, nil)

	c = s.signedInAs("ann")
	for at := time.Duration(0); at < DefaultLifetime-DefaultIdle; at += DefaultIdle / 2 {
		s.clock.add(DefaultIdle / 2)
		c.call(200, "GET", "/api/v1/worklist", nil, nil)
	}
	s.clock.add(DefaultIdle / 2)
	c.call(200, "GET", "/api/v1/worklist", nil, nil)
	s.clock.add(DefaultIdle / 2)
	c.call(401, "GET", "/api/v1/worklist", nil, nil)
}

// What nobody can have seen cannot be decided on.
func TestDecisionNeedsPatientAndImages(t *testing.T) {
	for name, source := range map[string]fakeSource{"no patient": {images: true}, "no images": {headers: someone}, "neither": {}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(c *Config) { c.Source = source })
			r := sample(0.3)
			s.store.add(t, r)
			var p struct{ Code, Detail string }
			s.signedInAs("ann").call(409, "PUT", "/api/v1/series/"+r.ID+"/findings/1/decision", store.NewDecision{Verdict: bus.Suspicious}, &p)
			if p.Code != answer.CodeUnseen || !strings.Contains(p.Detail, "folder_missing") {
				t.Errorf("%+v", p)
			}
			if d := s.store.Decision(r.ID, 1); d != nil {
				t.Errorf("kept: %+v", d)
			}
		})
	}
}

// Where the audit trail cannot be written nothing is shown and nobody gets in.
func TestAuditTrailFails(t *testing.T) {
	s := newServer(t, func(c *Config) {
		c.Source = fakeSource{headers: someone, images: true}
	})
	r := sample(0.3)
	s.store.add(t, r)
	c := s.signedInAs("ann")
	s.mu.Lock()
	s.fail = errors.New("disk full")
	s.mu.Unlock()
	var p struct{ Code string }
	for _, path := range []string{"/api/v1/worklist", "/api/v1/series/" + r.ID, "/api/v1/series/" + r.ID + "/findings/1", "/api/v1/decisions.csv"} {
		if c.call(500, "GET", path, nil, &p); p.Code != answer.CodeAudit {
			t.Errorf("%s: %s", path, p.Code)
		}
	}
	s.client().call(500, "POST", "/api/v1/session", map[string]string{"name": "ann", "password": goodPassword}, &p)
	c.call(500, "PUT", "/api/v1/series/"+r.ID+"/findings/1/decision", store.NewDecision{Verdict: bus.Suspicious}, &p)
	s.mu.Lock()
	s.fail = nil
	s.mu.Unlock()
	var d store.Decision
	c.call(200, "PUT", "/api/v1/series/"+r.ID+"/findings/1/decision", store.NewDecision{Verdict: bus.Suspicious}, &d) // it was kept
	if d.Version != 1 {
		t.Errorf("%+v", d)
	}
	// Once noted, a view is not noted again in this session.
	for range 3 {
		c.call(200, "GET", "/api/v1/worklist", nil, nil)
	}
	if n := s.noted("view"); n != 1 {
		t.Errorf("%d views are noted", n)
	}
}

// Without images a series still opens, and says what is wrong with them.
func TestSeriesWithoutImages(t *testing.T) {
	s := newServer(t, nil)
	r := sample(0.3, 0.9)
	s.store.add(t, r)
	var a seriesAnswer
	s.signedInAs("vera").call(200, "GET", "/api/v1/series/"+r.ID, nil, &a)
	if a.Geometry != nil || a.SourceProblem == nil || a.SourceProblem.Code != "folder_missing" || a.Patient != nil || len(a.Findings) != 2 ||
		a.Findings[0].Number != 2 || a.Findings[0].Voxel != nil || a.Models[0].Loaded || a.Findings[0].Scores[0].Threshold != 0.5 {
		t.Errorf("%+v", a)
	}
	var p struct{ Code string }
	s.signedInAs("vera").call(502, "GET", "/api/v1/dicom-web/studies/1.2/series/1.2.1/metadata", nil, &p)
	if p.Code != "folder_missing" {
		t.Error(p.Code)
	}
}

// Pictures are computed one at a time and kept; who asks beyond the queue is
// told to come back.
func TestPicturesOneAtATime(t *testing.T) {
	begun, end := make(chan struct{}, 100), make(chan struct{})
	s := newServer(t, func(c *Config) {
		c.Source = fakeSource{explain: func(context.Context) (Explanation, error) {
			begun <- struct{}{}
			<-end
			return Explanation{Patch: nodule.Patch{Voxels: make([]float32, nodule.PatchVoxels)}}, nil
		}}
	})
	r := sample(0.3, 0.4, 0.5)
	s.store.add(t, r)
	c := s.signedInAs("ann")
	path := func(n string) string { return "/api/v1/series/" + r.ID + "/findings/" + n + "/images/patch" }
	done := make(chan struct{})
	go func() { defer close(done); c.call(200, "GET", path("1"), nil, nil) }()
	<-begun
	for range pictureQueue - 1 {
		s.pictures.queue <- struct{}{}
	}
	var p struct{ Code string }
	if c.call(503, "GET", path("2"), nil, &p); p.Code != answer.CodeBusy || len(begun) != 0 {
		t.Errorf("%s, %d computed beside it", p.Code, len(begun))
	}
	close(end)
	<-done
	for range pictureQueue - 1 {
		<-s.pictures.queue
	}
	c.call(200, "GET", path("1"), nil, nil)
	if len(begun) != 0 {
		t.Error("computed again")
	}
}

func TestReadableName(t *testing.T) {
	for pn, want := range map[string]string{
		"": "", "Doe^John": "Doe, John", "Doe^John^Q^Dr.^Jr.": "Doe, Dr. John Q Jr.", "DOE": "DOE", "^John": "John", "Doe^": "Doe",
		"Yamada^Tarou=山田^太郎=やまだ^たろう": "Yamada, Tarou (山田, 太郎; やまだ, たろう)", "=山田^太郎": "山田, 太郎",
	} {
		if got := readableName(pn); got != want {
			t.Errorf("%q: %q, want %q", pn, got, want)
		}
	}
}

func TestHistogram(t *testing.T) {
	h := histogramOf([]float64{1, 2, 2, 3}, 5, 0)
	sum := 0
	for _, n := range h.Counts {
		sum += n
	}
	if sum != 4 || h.Edges[0] != 0 || h.Edges[len(h.Edges)-1] != 5 || len(h.Edges) != len(h.Counts)+1 || h.Normals != 4 || h.Counts[12] != 2 {
		t.Errorf("%+v", h)
	}
	if h := histogramOf([]float64{2, 2}, 2); h.Counts[0] != 2 {
		t.Errorf("%+v", h)
	}
	if histogramOf(nil, 1) != nil {
		t.Error("a histogram of nothing")
	}
}
