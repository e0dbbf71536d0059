package plugin

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// patientSpec is ctSpec of a patient.
func patientSpec() dicomtest.Spec {
	spec := plugintest.CT()
	spec.Edit = func(_ int, set dicomtest.Elements) {
		set.Set(0x00100010, "PN", "Testname^Given^Middle")
		set.Set(0x00100020, "LO", "ID-4711")
		set.Set(0x00100030, "DA", "19520304")
		set.Set(0x00080020, "DA", "20240506")
		set.Set(0x00080050, "SH", "ACC-99")
	}
	return spec
}

// reviewing is a plugin that has scored a series of a patient.
func reviewing(t *testing.T, cfg Config) (p *running, dir string) {
	t.Helper()
	p, dir = start(t, cfg), plugintest.WriteCT(t, patientSpec())
	job := plugintest.Job(dir)
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "outside", PositionLPS: [3]float64{500, 0, 0}}, bus.JobNodule{ID: "n/../3", PositionLPS: [3]float64{4, 3, 2}})
	p.submit("/test", "1", job)
	p.outcome(jobs.Scored, 1)
	return p, dir
}

// The journey of a reviewer over real HTTP: sign in, work list, series,
// finding, slices, pictures, decision, export, sign out.
func TestReviewJourney(t *testing.T) {
	cfg := reviewConfig(t)
	p, dir := reviewing(t, cfg)
	b := signIn(t, p, "ann")
	w := b.worklist("")
	if w.Total != 1 || w.Unread != 1 || w.Counts["scored"] != 1 || len(w.Rows) != 1 {
		t.Fatalf("%+v", w)
	}
	row := w.Rows[0]
	if row.State != "scored" || row.Findings != 3 || !row.Unread || row.Percentile == nil || row.Priority != "routine" || row.Patient == nil ||
		row.Patient.Name != "Testname, Given Middle" || row.Patient.ID != "ID-4711" || row.Patient.BirthDate != "1952-03-04" ||
		row.Patient.StudyDate != "2024-05-06" || row.Patient.AccessionNumber != "ACC-99" {
		t.Errorf("%+v %+v", row, row.Patient)
	}
	var s struct {
		Identity, State string
		Geometry        struct {
			Slices, Rows, Cols int
			Instances          []string
		}
		SlicesURL    string `json:"slices_url"`
		InstancesURL string `json:"instances_url"`
		Findings     []struct {
			Number      int
			NoduleID    string      `json:"nodule_id"`
			Voxel       *[3]float64 `json:"voxel_zyx"`
			Slice       *int
			InstanceUID *string `json:"instance_uid"`
			Scores      []struct {
				Model     string
				Raw       float64
				Histogram *struct {
					Edges  []float64
					Counts []int
				}
			}
			Problem *struct{ Code string }
			Patch   *struct {
				Origin [3]float64 `json:"origin_lps_mm"`
			}
		}
		Models      []struct{ Loaded bool }
		IntendedUse string `json:"intended_use"`
	}
	b.get("/api/v1/series/"+row.ID, &s)
	if s.Geometry.Slices != 48 || len(s.Geometry.Instances) != 48 || len(s.Findings) != 3 || s.IntendedUse != use.Statement || !s.Models[0].Loaded {
		t.Errorf("%+v", s)
	}
	f := s.Findings[0]
	if f.NoduleID != "n1" && f.NoduleID != "n/../3" || f.Voxel == nil || f.InstanceUID == nil || *f.InstanceUID != s.Geometry.Instances[*f.Slice] ||
		f.Scores[0].Histogram == nil || len(f.Scores[0].Histogram.Edges) != len(f.Scores[0].Histogram.Counts)+1 {
		t.Errorf("%+v", f)
	}
	if last := s.Findings[2]; last.NoduleID != "outside" || last.Problem == nil || last.Problem.Code != string(nodule.CodeCandidateOutside) || last.Patch != nil {
		t.Errorf("%+v", last)
	}
	if again := b.worklist("?unread=true"); again.Total != 0 || again.Unread != 0 {
		t.Errorf("still unread: %+v", again)
	}
	checkSlices(t, b, s.SlicesURL, s.InstancesURL, s.Geometry.Instances)
	checkPictures(t, b, row.ID, dir)

	base := "/api/v1/series/" + row.ID + "/findings/"
	b.code(409, "no_patch", "GET", base+"2/images/residual", "")
	var d struct {
		Version  int
		Reviewer string
	}
	for n := 1; n <= 3; n++ {
		b.json(200, "PUT", base+fmt.Sprint(n)+"/decision", map[string]any{"verdict": "not_nodule", "kind": "other", "comment": "=1+1", "base_version": 0}, &d)
		if d.Version != 1 || d.Reviewer != "ann" {
			t.Errorf("%+v", d)
		}
		want := map[bool]string{true: "done", false: "in_review"}[n == 3]
		if w := b.worklist("?state=" + want); w.Total != 1 || w.Rows[0].Decided != n {
			t.Errorf("after %d decisions: %+v", n, w)
		}
	}
	res, table := b.do("GET", "/api/v1/decisions.csv", nil)
	if lines := strings.Split(strings.TrimSpace(string(table)), "\n"); len(lines) != 4 || !strings.Contains(lines[1], ",'=1+1,ann,") || !strings.Contains(lines[3], "n/../3") ||
		!strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("%s", table)
	}
	b.json(204, "DELETE", "/api/v1/session", nil, nil)
	b.code(401, "not_signed_in", "GET", "/api/v1/worklist", "")
	plugintest.Must(t, p.stop())
	noPatientIn(t, cfg.DataDir, "ledger.db", "audit.jsonl", "bus")
	for kind, want := range map[string]int{audit.KindLogin: 1, audit.KindLogout: 1, audit.KindDecision: 3, audit.KindExport: 1} {
		if lines := auditLines(t, cfg.DataDir, kind); len(lines) != want || lines[0].User != "ann" {
			t.Errorf("%s: %+v", kind, lines)
		}
	}
	seen := map[string]int{}
	for _, l := range auditLines(t, cfg.DataDir, audit.KindView) {
		if l.Identity != s.Identity || l.User != "ann" {
			t.Errorf("%+v", l)
		}
		seen[l.Detail]++
	}
	for _, what := range []string{"list", "series", "images"} {
		if seen[what] != 1 {
			t.Errorf("views %v: want %s once", seen, what)
		}
	}
}

// checkSlices reads slices as a viewer does.
func checkSlices(t *testing.T, b *browser, slices, instances string, uids []string) {
	t.Helper()
	var meta []map[string]struct {
		VR    string
		Value []any
	}
	b.get(slices, &meta)
	if len(meta) != 48 || meta[5]["00080018"].Value[0] != uids[5] || meta[5]["00280010"].Value[0] != 48.0 || meta[0]["00200032"].Value[2] != -23.5 {
		t.Fatalf("metadata of %d slices: %+v", len(meta), meta[5])
	}
	for _, m := range meta {
		for tag := range m {
			if strings.HasPrefix(tag, "0010") {
				t.Fatalf("patient data in metadata: %s", tag)
			}
		}
	}
	b.get(instances+"/"+uids[5]+"/metadata", &meta)
	if len(meta) != 1 || meta[0]["00080018"].Value[0] != uids[5] {
		t.Errorf("%+v", meta)
	}
	res, body := b.do("GET", instances+"/"+uids[24]+"/frames/1", nil, func(r *http.Request) {
		r.Header.Set("Accept", `multipart/related; type=application/octet-stream; transfer-syntax=*`)
	})
	_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	plugintest.Must(t, err)
	part, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextPart()
	plugintest.Must(t, err)
	pixels, err := io.ReadAll(part)
	plugintest.Must(t, err)
	hu := func(y, x int) int { return int(int16(binary.LittleEndian.Uint16(pixels[2*(y*48+x):]))) }
	stored := plugintest.CT().Stored
	if len(pixels) != 2*48*48 || hu(24, 24) != 40 || hu(0, 1) != stored(24, 0, 1) || hu(47, 3) != stored(24, 47, 3) {
		t.Errorf("%d bytes, %d %d", len(pixels), hu(24, 24), hu(0, 1))
	}
	if _, alone := b.do("GET", instances+"/"+uids[24]+"/frames/1", nil, func(r *http.Request) { r.Header.Set("Accept", "application/octet-stream") }); !bytes.Equal(alone, pixels) {
		t.Error("the bytes alone differ")
	}
	for _, path := range []string{
		instances + "/" + uids[24] + "/frames/2", instances + "/1.2.3/frames/1", instances + "/1.2.3/metadata",
		"/api/v1/dicom-web/studies/1.2/series/1.3/metadata", "/api/v1/dicom-web/studies/..%2f..%2fetc/series/1.3/metadata",
		"/api/v1/dicom-web/studies/../../passwd", "/api/v1/series/..%2F..%2Fledger.db", "/api/v1/series/" + strings.Repeat("0", 64),
		"/../users.json", "/users.json", "/%2e%2e/users.json", "/assets/../../users.json",
	} {
		res, body := b.do("GET", path, nil)
		if res.StatusCode != 404 || bytes.Contains(body, []byte("argon2")) {
			t.Errorf("%s: %d %.80s", path, res.StatusCode, body)
		}
	}
}

// checkPictures wants what Score gives for the same series.
func checkPictures(t *testing.T, b *browser, id, dir string) {
	t.Helper()
	req := request(t, dir)
	_, details, err := scoring.Score(t.Context(), req)
	plugintest.Must(t, err)
	path := "/api/v1/series/" + id + "/findings/1/images/"
	volume := func(kind string) []float32 {
		res, body := b.do("GET", path+kind, nil)
		if res.StatusCode != 200 || len(body) != 4*nodule.PatchVoxels {
			t.Fatalf("%s: %d, %d bytes: %.200s", kind, res.StatusCode, len(body), body)
		}
		if same := res.Header.Get("Nodulescope-Reproduced"); same != map[bool]string{true: "true"}[kind == "residual" || kind == "reconstruction"] {
			t.Errorf("%s: reproduced %q", kind, same)
		}
		out := make([]float32, nodule.PatchVoxels)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
		return out
	}
	patch, support, made, residual, scan := volume("patch"), volume("support"), volume("reconstruction"), volume("residual"), volume("scan")
	for i, want := range details[0].Patch.Voxels {
		r := float32(0)
		if support[i] != 0 {
			r = float32(math.Abs(float64(want - details[0].Scores[0].Reconstruction[i])))
		}
		if patch[i] != want || support[i] != details[0].Patch.Support[i] || made[i] != details[0].Scores[0].Reconstruction[i] || residual[i] != r ||
			support[i] != 0 && math.Abs(float64(scan[i]-want)) > 1e-6 {
			t.Fatalf("voxel %d: %v %v %v %v %v", i, patch[i], support[i], made[i], residual[i], scan[i])
		}
	}
	for _, plane := range []string{"axial", "coronal", "sagittal"} {
		_, body := b.do("GET", path+"residual?format=png&scale=2&model=vae-ad&plane="+plane, nil)
		img, err := png.Decode(bytes.NewReader(body))
		if err != nil || img.Bounds().Dx() != 56 {
			t.Errorf("%s: %v", plane, err)
		}
	}
	for query, code := range map[string]string{"?format=gif": "request_invalid", "?plane=x": "request_invalid", "?index=28": "request_invalid", "?scale=0": "request_invalid", "?model=other": "model_needed"} {
		b.code(400, code, "GET", path+"residual"+query, "")
	}
	b.code(404, "not_found", "GET", path+"secret", "")
}

// noPatientIn reads files and wants none of the patient's data in them.
func noPatientIn(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, secret := range []string{"Testname", "ID-4711", "19520304", "1952-03-04", "ACC-99"} {
				if bytes.Contains(text, []byte(secret)) {
					t.Errorf("%s holds %s", path, secret)
				}
			}
			return err
		})
		plugintest.Must(t, err)
	}
}

// Two reviewers on one finding: the second is told of the first and loses
// nothing; both versions are kept and published once each.
func TestReviewConflict(t *testing.T) {
	cfg := reviewConfig(t)
	p, _ := reviewing(t, cfg)
	ann, bob := signIn(t, p, "ann"), signIn(t, p, "bob")
	path := "/api/v1/series/" + ann.worklist("").Rows[0].ID + "/findings/1/"
	suspicious := map[string]any{"verdict": "suspicious", "base_version": 0}
	ann.json(200, "PUT", path+"decision", suspicious, nil)
	var again struct{ Version int }
	ann.json(200, "PUT", path+"decision", suspicious, &again) // the answer was lost
	var conflict struct {
		Code    string
		Current struct {
			Version           int
			Verdict, Reviewer string
		}
	}
	vessel := map[string]any{"verdict": "not_nodule", "kind": "vessel", "comment": "branching", "base_version": 0}
	bob.json(409, "PUT", path+"decision", vessel, &conflict)
	if again.Version != 1 || conflict.Code != "decision_conflict" || conflict.Current.Version != 1 || conflict.Current.Reviewer != "ann" || conflict.Current.Verdict != "suspicious" {
		t.Errorf("%+v %+v", again, conflict)
	}
	vessel["base_version"] = 1
	bob.json(200, "PUT", path+"decision", vessel, nil)
	bob.json(409, "PUT", path+"decision", map[string]any{"verdict": "unsure", "base_version": 7}, nil)
	plugintest.WaitFor(t, func() bool {
		var list struct {
			Decisions []struct{ Published bool }
		}
		ann.get(path+"decisions", &list)
		return len(list.Decisions) == 2 && list.Decisions[0].Published && list.Decisions[1].Published
	})
	var got []string
	err := p.bus.Reviews(plugintest.Context(t), p.Site(), 0, func(_ bus.Envelope, r bus.Review) error {
		got = append(got, fmt.Sprint(r.NoduleID, " ", r.Reviewer, " ", r.Verdict, " ", r.Kind, " ", r.Decision, " ", r.Version))
		return nil
	})
	if want := "[n1 ann suspicious  accept 1 n1 bob not_nodule vessel reject 2]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, want %s (%v)", got, want, err)
	}
	for body, code := range map[string]string{
		`{"verdict":"maybe","base_version":2}`: "decision_invalid", `{"verdict":"not_nodule","base_version":2}`: "decision_invalid",
		`{"verdict":"not_nodule","kind":"other","base_version":2}`: "decision_invalid", `{"verdict":"suspicious","kind":"vessel","base_version":2}`: "decision_invalid",
		`{"verdict":"suspicious","comment":"` + strings.Repeat("x", 2001) + `","base_version":2}`: "decision_invalid",
		`{"verdict":"suspicious","base_version":2,"reviewer":"ann"}`:                              "request_invalid", `[]`: "request_invalid", `{"verdict":"suspicious"} x`: "request_invalid",
	} {
		ann.code(400, code, "PUT", path+"decision", body)
	}
	ann.code(413, "body_too_large", "PUT", path+"decision", `{"comment":"`+strings.Repeat("x", 100_000)+`"}`)
	ann.code(404, "not_found", "PUT", strings.Replace(path, "findings/1/", "findings/4/", 1)+"decision", `{"verdict":"suspicious","base_version":0}`)
}

// A result with a new position supersedes the old one: one row is left, its
// findings are decided on anew, and a decision on the old one is refused with
// the way to the new one.
func TestReviewSuperseded(t *testing.T) {
	cfg := reviewConfig(t)
	p, dir := reviewing(t, cfg)
	b := signIn(t, p, "ann")
	old := b.worklist("").Rows[0].ID
	job := plugintest.Job(dir)
	job.Nodules[0].PositionLPS[0] = 1
	p.submit("/test", "2", job)
	p.outcome(jobs.Scored, 2)
	w := b.worklist("")
	if w.Total != 1 || w.Rows[0].ID == old {
		t.Fatalf("%+v", w)
	}
	if all := b.worklist("?superseded=true"); all.Total != 2 {
		t.Errorf("%+v", all)
	}
	var answer struct {
		Code    string
		Current string `json:"current_series"`
	}
	b.json(409, "PUT", "/api/v1/series/"+old+"/findings/1/decision", map[string]any{"verdict": "suspicious", "base_version": 0}, &answer)
	if answer.Code != "superseded" || answer.Current != w.Rows[0].ID {
		t.Errorf("%+v", answer)
	}
}

// Jobs that wait and jobs that were put aside are in the work list; one that is
// scored after all takes the place of the refused one.
func TestReviewRefusedAndWaiting(t *testing.T) {
	cfg := reviewConfig(t)
	cfg.MaxAttempts, cfg.JobTimeout = 1, testConfig(t).JobTimeout
	p := start(t, cfg)
	b := signIn(t, p, "vera")
	dir := filepath.Join(t.TempDir(), "later")
	p.submit("/test", "1", plugintest.Job(dir))
	p.outcome(jobs.Dead, 1)
	w := b.worklist("?state=refused")
	if w.Total != 1 || w.Rows[0].Problem == nil || w.Rows[0].Problem.Code != "folder_missing" || w.Rows[0].Flag != "unknown" || w.Rows[0].Patient != nil {
		t.Fatalf("%+v", w)
	}
	b.get("/api/v1/series/"+w.Rows[0].ID, nil)
	plugintest.Must(t, dicomtest.WriteSeries(dir, patientSpec()))
	p.submit("/test", "2", plugintest.Job(dir))
	p.outcome(jobs.Scored, 1)
	if w := b.worklist(""); w.Total != 1 || w.Rows[0].State != "scored" || w.Counts["refused"] != 0 {
		t.Errorf("%+v", w)
	}
}

// A phantom series, scored by the service, is found in the list with its
// nodules at the slices where the phantom has them.
func TestReviewPhantom(t *testing.T) {
	scan, err := phantom.Generate(phantom.Small(3))
	plugintest.Must(t, err)
	dir := filepath.Join(t.TempDir(), "scan")
	plugintest.Must(t, scan.WriteDICOM(t.Context(), dir, nil))
	job := plugintest.Job(dir)
	job.SeriesUID, job.Nodules, job.Priority = scan.SeriesUID(), nil, bus.PriorityStat
	for _, n := range scan.Nodules() {
		job.Nodules = append(job.Nodules, bus.JobNodule{ID: n.ID, PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM})
	}
	p := start(t, reviewConfig(t))
	p.submit("/test", "1", job)
	p.outcome(jobs.Scored, 1)
	b := signIn(t, p, "vera")
	row := b.worklist("?priority=stat").Rows[0]
	if row.Patient == nil || row.Patient.Name != "Phantom, Nodulescope" || row.Findings != 3 {
		t.Fatalf("%+v", row)
	}
	var list struct {
		Findings []struct {
			Slice    int
			NoduleID string `json:"nodule_id"`
		}
	}
	b.get("/api/v1/series/"+row.ID+"/findings", &list)
	for _, f := range list.Findings {
		for _, n := range scan.Nodules() {
			if want := scan.Geometry().ToVoxel(n.PositionLPS)[0]; n.ID == f.NoduleID && math.Abs(want-float64(f.Slice)) > 0.51 {
				t.Errorf("%s on slice %d, want %.1f", n.ID, f.Slice, want)
			}
		}
	}
	b.code(403, "forbidden", "PUT", "/api/v1/series/"+row.ID+"/findings/1/decision", `{"verdict":"suspicious","base_version":0}`)
	b.code(403, "forbidden", "GET", "/api/v1/decisions.csv", "")
}

// stream reads server-sent events.
type stream struct {
	t    *testing.T
	body io.Closer
	scan *bufio.Scanner
}

func openStream(t *testing.T, b *browser, last string) *stream {
	t.Helper()
	req, err := http.NewRequestWithContext(plugintest.Context(t), "GET", b.url+"/api/v1/events", nil)
	plugintest.Must(t, err)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := b.http.Do(req)
	plugintest.Must(t, err)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{t, res.Body, bufio.NewScanner(res.Body)}
}

func (s *stream) next() (id, kind, data string) {
	s.t.Helper()
	for s.scan.Scan() {
		key, value, _ := strings.Cut(s.scan.Text(), ": ")
		switch key {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			return id, kind, data
		}
	}
	s.t.Fatalf("the stream ended: %v", s.scan.Err())
	return "", "", ""
}

// Events arrive live, and what was missed comes when a client is back.
func TestReviewEvents(t *testing.T) {
	p, dir := reviewing(t, reviewConfig(t))
	b := signIn(t, p, "ann")
	first := openStream(t, b, "")
	id, kind, _ := first.next()
	if id == "" || kind != "hello" {
		t.Fatalf("%q %q", id, kind)
	}
	row := b.worklist("").Rows[0].ID
	decide := func(n, base int) {
		b.json(200, "PUT", fmt.Sprintf("/api/v1/series/%s/findings/%d/decision", row, n), map[string]any{"verdict": "suspicious", "base_version": base}, nil)
	}
	decide(1, 0)
	last, kind, data := first.next()
	var event struct {
		ID       string
		Number   int
		Decision struct{ Version int }
	}
	if err := json.Unmarshal([]byte(data), &event); err != nil || kind != "decision" || event.ID != row || event.Number != 1 || event.Decision.Version != 1 {
		t.Errorf("%s %s", kind, data)
	}
	plugintest.Must(t, first.body.Close())
	decide(2, 0)
	job := plugintest.Job(dir)
	job.Nodules[0].PositionLPS[0] = 2
	p.submit("/test", "2", job)
	p.outcome(jobs.Scored, 2)
	back := openStream(t, b, last)
	if _, kind, _ := back.next(); kind != "hello" {
		t.Error(kind)
	}
	if _, kind, data := back.next(); kind != "decision" || !strings.Contains(data, `"number":2`) {
		t.Errorf("%s %s", kind, data)
	}
	if _, kind, data := back.next(); kind != "result" || !strings.Contains(data, row) { // it supersedes
		t.Errorf("%s %s", kind, data)
	}
	if _, kind, _ := openStream(t, b, "another-17").next(); kind != "reset" {
		t.Error(kind)
	}
}
