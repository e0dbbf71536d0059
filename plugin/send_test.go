package plugin

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// storing is a PACS of the test as one that results are stored in.
func storing(server *orthanctest.Server) web.Options {
	opts := server.Options()
	opts.StoreURL, opts.Attempts = opts.URL, 1
	return opts
}

// sendConfig is that of a plugin that stores all it has in a PACS.
func sendConfig(t testing.TB, server *orthanctest.Server, kinds ...outbox.Kind) Config {
	t.Helper()
	cfg := reviewConfig(t)
	cfg.PACS = []web.Options{storing(server)}
	cfg.Send = SendConfig{Kinds: kinds, Organization: "Clinic", FirstWait: 20 * time.Millisecond, LastWait: 200 * time.Millisecond}
	return cfg
}

// sentFiles are the files of a SOP class that a PACS holds.
func sentFiles(t testing.TB, server *orthanctest.Server, class string) (files [][]byte) {
	t.Helper()
	opts := server.Options()
	opts.URL = server.URL
	o, err := web.NewOrthanc(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var all []string
	server.Get("/instances", &all)
	for _, id := range all {
		file, err := o.File(plugintest.Context(t), id)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := dicomio.Identify(file); err != nil {
			t.Fatal(err)
		} else if d.SOPClassUID == class {
			files = append(files, file)
		}
	}
	return files
}

// sent waits until nothing waits to be sent.
func (r *running) sent() {
	r.t.Helper()
	plugintest.WaitFor(r.t, func() bool { return r.CheckReady(plugintest.Context(r.t)).Send.Waiting == 0 })
}

// TestOutlinesGoToThePACS: a segmentation and a report that refers to it, before
// a review and after; each is named before it is made. Without "outline" among
// what is sent there is no segmentation, and the report is the plain one.
func TestOutlinesGoToThePACS(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	dir := plugintest.WriteCT(t, patientSpec())
	server.StoreSCU(dir)
	job := plugintest.Job(dir)
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "lung", PositionLPS: [3]float64{-12, 0, 0}})
	run := func(kinds ...outbox.Kind) *running {
		cfg := sendConfig(t, server, kinds...)
		cfg.Outliner = plugintest.Outliner(t)
		p := start(t, cfg)
		p.submit("/test", "1", job)
		p.outcome(jobs.Scored, 1)
		p.sent()
		return p
	}
	plain := run(outbox.Report)
	if n := len(sentFiles(t, server, sr.ClassSegmentation)); n != 0 {
		t.Errorf("%d segmentations that nobody wanted", n)
	}
	p := run(DefaultKinds()...)
	files := sentFiles(t, server, sr.ClassSegmentation)
	if len(files) != 1 {
		t.Fatalf("%d segmentations", len(files))
	}
	valid(t, files[0])
	with, without := p.results(1)[0].SRSOPUID, plain.results(1)[0].SRSOPUID
	if with == without || p.results(1)[0].Identity != plain.results(1)[0].Identity {
		t.Errorf("reports %s and %s", with, without)
	}
	b := signIn(t, p, "ann")
	path := "/api/v1/series/" + b.worklist("").Rows[0].ID + "/findings/"
	for _, number := range []string{"1", "2"} {
		b.json(200, "PUT", path+number+"/decision", map[string]any{"verdict": "unsure", "base_version": 0}, nil)
	}
	p.sent()
	referring := 0
	for _, file := range sentFiles(t, server, sr.ClassComprehensive3D) {
		valid(t, file)
		refers := bytes.Contains(file, []byte("Referenced Segment"))
		if refers {
			referring++
		}
		if id, err := dicomio.Identify(file); err != nil || refers == (id.SOPInstanceUID == without) {
			t.Errorf("report %s refers to a segment: %v (%v)", id.SOPInstanceUID, refers, err)
		}
		if !bytes.Contains(file, []byte("nodule_not_found")) {
			t.Error("a report does not say that a nodule was not found")
		}
	}
	if referring != 2 { // the first and the verified one
		t.Errorf("%d reports refer to a segment", referring)
	}
}

// TestResultsGoToThePACS: report, heat map and capture of a scored series, and
// the verified report when its review is complete, each once.
func TestResultsGoToThePACS(t *testing.T) {
	t.Parallel()
	server := orthanctest.Start(t, orthanctest.Settings{})
	dir := plugintest.WriteCT(t, patientSpec())
	server.StoreSCU(dir)
	p := start(t, sendConfig(t, server, outbox.Kinds()...))
	job := plugintest.Job(dir)
	job.URI = series.ArchiveURI(server.DICOMweb, "1.2.826.0.1.3680043.10.9.1", job.SeriesUID)
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "n2", PositionLPS: [3]float64{2, 1, 0}}, bus.JobNodule{ID: "outside", PositionLPS: [3]float64{400, 0, 0}})
	p.submit("/test", "1", job)
	p.outcome(jobs.Scored, 1)
	p.sent()
	for class, want := range map[string]int{sr.ClassComprehensive3D: 1, derived.ClassParametricMap: 2, derived.ClassSecondaryCapture: 2} {
		if got := len(sentFiles(t, server, class)); got != want {
			t.Errorf("%d documents of class %s, want %d", got, class, want)
		}
	}
	report := sentFiles(t, server, sr.ClassComprehensive3D)[0]
	h, err := sr.ReadHeader(bytes.NewReader(report))
	if err != nil || h.PatientID != "ID-4711" || h.StudyUID != "1.2.826.0.1.3680043.10.9.1" || !sr.IsOwn(report) {
		t.Errorf("the report is not filed with its series: %v", err)
	}
	if uid := p.results(1)[0].SRSOPUID; uid == "" || !bytes.Contains(report, []byte(uid)) {
		t.Errorf("the result names the report %q, which is another", uid)
	}
	if found, err := nodule.ReadCandidates(bytes.NewReader(report)); err != nil || len(found.Marks) != 2 {
		t.Errorf("nodules in the report: %+v, %v", found, err)
	}

	b := signIn(t, p, "ann")
	path := "/api/v1/series/" + b.worklist("").Rows[0].ID + "/findings/"
	b.json(200, "PUT", path+"1/decision", map[string]any{"verdict": "suspicious", "base_version": 0}, nil)
	p.sent()
	if n := len(sentFiles(t, server, sr.ClassComprehensive3D)); n != 1 {
		t.Errorf("%d reports after half a review", n)
	}
	b.json(200, "PUT", path+"2/decision", map[string]any{"verdict": "not_nodule", "kind": "vessel", "base_version": 0}, nil)
	p.sent()
	signIn(t, p, "bob").json(200, "PUT", path+"2/decision", map[string]any{"verdict": "unsure", "base_version": 1}, nil)
	p.sent()
	verified, corrected := 0, 0
	for _, file := range sentFiles(t, server, sr.ClassComprehensive3D) {
		if bytes.Contains(file, []byte("UNVERIFIED")) {
			continue
		}
		verified++
		if !bytes.Contains(file, []byte("Clinic")) || !bytes.Contains(file, []byte("ann")) && !bytes.Contains(file, []byte("bob")) {
			t.Error("nobody answers for a verified report")
		}
		if bytes.Count(file, []byte(sr.UID(p.results(1)[0].Identity, "verified report, version 1"))) > 0 && bytes.Contains(file, []byte("bob")) {
			corrected++
		}
	}
	if verified != 2 || corrected != 1 {
		t.Errorf("%d verified reports, %d that name the one before, want the first and its correction", verified, corrected)
	}
	for _, class := range []string{sr.ClassComprehensive3D, derived.ClassParametricMap, derived.ClassSecondaryCapture} {
		for _, file := range sentFiles(t, server, class) {
			valid(t, file)
		}
	}
	held := server.Count()
	p.submit("/test", "2", job)
	p.outcome(jobs.Answered, 1)
	p.sent()
	if n := server.Count(); n != held {
		t.Errorf("the same job again made %d documents", n-held)
	}
	m := gather(t, p.Plugin)
	if m["nodulescope_sent_total/report"] != 1 || m["nodulescope_sent_total/verified"] != 2 || m["nodulescope_send_waiting"] != 0 {
		t.Errorf("%v", m)
	}
	if lines := auditLines(t, p.cfg.DataDir, audit.KindSent); len(lines) < 5 || lines[0].Identity == "" || lines[0].Detail != "report" {
		t.Errorf("%+v", lines)
	}
}

// valid has dicom3tools judge a document, where they are installed.
func valid(t *testing.T, file []byte) {
	t.Helper()
	tool, err := exec.LookPath("dciodvfy")
	if err != nil {
		t.Log("no dciodvfy here (Debian: dicom3tools)")
		return
	}
	name := filepath.Join(t.TempDir(), "document.dcm")
	plugintest.Must(t, os.WriteFile(name, file, 0o600))
	if out, err := exec.Command(tool, name).CombinedOutput(); err != nil || bytes.Contains(out, []byte("Error")) { //nolint:gosec // found in the path
		t.Errorf("dciodvfy: %v\n%s", err, out)
	}
}

// TestPACSIsAwayAndNothingIsLost: results are made while Orthanc is down, the
// service starts anew, and Orthanc comes back.
func TestPACSIsAwayAndNothingIsLost(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	cfg := sendConfig(t, server)
	p, dir := start(t, cfg), plugintest.WriteCT(t, patientSpec())
	p.submit("/test", "0", plugintest.Job(dir))
	p.outcome(jobs.Scored, 1)
	p.sent()
	server.Kill()
	for i := 1; i <= 3; i++ {
		job := plugintest.Job(dir)
		job.Nodules[0].PositionLPS[0] = float64(i)
		p.submit("/test", string(rune('0'+i)), job)
	}
	p.outcome(jobs.Scored, 4)
	plugintest.WaitFor(t, func() bool { return p.CheckReady(plugintest.Context(t)).Send.Code == string(dicomio.CodeUnreachable) })
	ready := p.CheckReady(plugintest.Context(t))
	if !ready.Ready || ready.Send.Waiting != 3 || ready.Send.Refused != 0 || time.Since(ready.Send.Since) > time.Minute {
		t.Errorf("%+v %+v", ready, ready.Send)
	}
	if m := gather(t, p.Plugin); m["nodulescope_send_waiting"] != 3 || m["nodulescope_send_oldest_timestamp_seconds"] == 0 {
		t.Errorf("%v", m)
	}
	plugintest.Must(t, p.stop())
	p = start(t, cfg)
	if n := p.CheckReady(plugintest.Context(t)).Send.Waiting; n != 3 {
		t.Errorf("%d letters after a restart", n)
	}
	server.Restart()
	p.sent()
	if n := len(sentFiles(t, server, sr.ClassComprehensive3D)); n != 4 {
		t.Errorf("%d reports", n)
	}
}

// TestKilledWhileSending: at any point of it, and the PACS has one report.
func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	server := orthanctest.Start(t, orthanctest.Settings{})
	dir := plugintest.WriteCT(t, plugintest.CT())
	for i, tt := range []struct {
		point string
		held  int // when the process is dead
	}{{"result noted", 0}, {"document made", 0}, {"document stored", 1}} {
		t.Run(tt.point, func(t *testing.T) {
			b := plugintest.NewBroker(t)
			job := plugintest.Job(dir)
			job.Nodules[0].PositionLPS[1] = float64(i)
			_, err := b.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "1", job)
			plugintest.Must(t, err)
			before := server.Count()
			plan := crashPlan{DataDir: t.TempDir(), BusURL: b.URL, Point: tt.point, PACS: server.DICOMweb, User: server.User, PasswordFile: server.PasswordFile}
			plugintest.Crash(t, plan)
			if n := server.Count() - before; n != tt.held {
				t.Fatalf("%d documents at the crash, want %d", n, tt.held)
			}
			cfg := crashConfig(plan)
			cfg.Detectors, cfg.Logger = testConfig(t).Detectors, plugintest.Logger(t)
			p := start(t, cfg)
			p.sent()
			plugintest.WaitFor(t, func() bool { return b.Messages(bus.StreamJobs) == 0 })
			p.sent()
			if n := server.Count() - before; n != 1 {
				t.Errorf("%d documents, want 1", n)
			}
		})
	}
}

// TestRefusedLettersAreListedAndSentAgain, by the service and without it.
func TestRefusedLettersAreListedAndSentAgain(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	cfg := sendConfig(t, server)
	good := cfg.PACS[0]
	cfg.PACS[0].StoreURL = server.URL + "/nowhere" // 404
	p, dir := start(t, cfg), plugintest.WriteCT(t, patientSpec())
	p.submit("/test", "1", plugintest.Job(dir))
	refused := func() bool { return p.CheckReady(plugintest.Context(t)).Send.Refused == 1 }
	plugintest.WaitFor(t, refused)
	list, err := Outbox(plugintest.Context(t), cfg.DataDir)
	if err != nil || len(list) != 1 || !list[0].Refused || list[0].Code != string(dicomio.CodeNotStored) || list[0].Attempts != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if text := list[0].Problem; strings.Contains(text, "4711") || !strings.Contains(text, "404") {
		t.Errorf("%s", text)
	}
	if n, err := Resend(plugintest.Context(t), cfg.DataDir, list[0].Number); err != nil || n != 1 { // the service does it
		t.Fatal(n, err)
	}
	plugintest.WaitFor(t, refused)
	if _, err := Resend(plugintest.Context(t), cfg.DataDir, 99); !errors.Is(err, outbox.ErrNotThere) {
		t.Errorf("%v", err)
	}
	plugintest.Must(t, p.stop())
	if _, err := os.Stat(filepath.Join(cfg.DataDir, controlFile)); err == nil {
		t.Error("the control file stays behind")
	}
	if list, err := Outbox(plugintest.Context(t), cfg.DataDir); err != nil || len(list) != 1 || !list[0].Refused {
		t.Fatalf("%+v, %v", list, err)
	}
	if n, err := Resend(plugintest.Context(t), cfg.DataDir); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, err := Resend(plugintest.Context(t), cfg.DataDir, 99); !errors.Is(err, outbox.ErrNotThere) {
		t.Errorf("%v", err)
	}
	cfg.PACS = []web.Options{good}
	p = start(t, cfg)
	p.sent()
	if n := len(sentFiles(t, server, sr.ClassComprehensive3D)); n != 1 {
		t.Errorf("%d reports", n)
	}
	_, err = Outbox(plugintest.Context(t), t.TempDir())
	plugintest.WantCode(t, err, CodeLedger)
}

// TestTheControlPortAsksForItsToken.
func TestTheControlPortAsksForItsToken(t *testing.T) {
	p := start(t, testConfig(t))
	path := filepath.Join(p.cfg.DataDir, controlFile)
	text, err := os.ReadFile(path)
	plugintest.Must(t, err)
	info, err := os.Stat(path)
	plugintest.Must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	plugintest.Must(t, os.WriteFile(path, bytes.Replace(text, []byte(`"token":"`), []byte(`"token":"x`), 1), 0o600))
	_, err = Outbox(plugintest.Context(t), p.cfg.DataDir)
	plugintest.WantCode(t, err, CodeLedgerLocked)
	plugintest.Must(t, os.WriteFile(path, text, 0o600))
	if list, err := Outbox(plugintest.Context(t), p.cfg.DataDir); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
