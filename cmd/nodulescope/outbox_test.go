package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/watch"
)

func TestSendSetting(t *testing.T) {
	for text, want := range map[string][]outbox.Kind{
		"none": {}, "": {}, "report": {outbox.Report}, "heat-map, capture,heat-map": {outbox.HeatMap, outbox.Capture},
	} {
		c, err := (&sendFlags{kinds: strings.Split(text, ",")}).config()
		if err != nil || c.Kinds == nil || !slices.Equal(c.Kinds, want) {
			t.Errorf("%q: %v, %v", text, c.Kinds, err)
		}
	}
	if _, err := (&sendFlags{kinds: []string{"letter"}}).config(); exitCode(t.Context(), err) != exitUsage {
		t.Errorf("%v", err)
	}
	model := testModel(t)
	out, _ := command(t, exitOK, "serve", "--check-config", "--model", model, "--pacs", "http://127.0.0.1:1/a store-url=http://127.0.0.1:1/b", "--send", "report,capture", "--organization", "Clinic")
	if !strings.Contains(out, "http://127.0.0.1:1/a, gets report, capture") {
		t.Errorf("%s", out)
	}
	command(t, exitUsage, "serve", "--check-config", "--model", model, "--send", "letter")
}

// TestOutbox: a PACS that refuses a report, which is listed, and sent when the
// setting is right.
func TestOutbox(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	const uid = "1.2.826.0.1.3680043.10.9.8"
	dir, data, model := filepath.Join(t.TempDir(), "ct"), t.TempDir(), testModel(t)
	if err := dicomtest.WriteSeries(dir, testSpec(uid, "")); err != nil {
		t.Fatal(err)
	}
	pacs := func(store string) string {
		return fmt.Sprintf("%s store-url=%s user=%s password-file=%s", server.DICOMweb, store, server.User, server.PasswordFile)
	}
	s := startService(t, data, model, "--outline", "off", "--pacs", pacs(server.URL+"/nowhere"))
	command(t, exitOK, "submit", dir, "--nodules", writeFile(t, "nodules.json", manyNodules(1)), "--nats-url", s.bus)
	refused := func() bool {
		out, _ := command(t, exitOK, "outbox", "--json", "--data-dir", data)
		var l outbox.Letter
		return json.Unmarshal([]byte(out), &l) == nil && l.Refused && l.Kind == outbox.Report && l.Number == 1
	}
	eventually(t, "refused", refused)
	out, _ := command(t, exitOK, "outbox", "--data-dir", data)
	if !strings.Contains(out, "pacs_not_found") || !strings.Contains(out, "refused") || strings.Contains(out, uid) {
		t.Errorf("%s", out)
	}
	out, _ = command(t, exitOK, "outbox", "resend", "1", "--data-dir", data)
	if !strings.Contains(out, "1 will be sent again") {
		t.Errorf("%s", out)
	}
	eventually(t, "refused again", refused)
	for _, args := range [][]string{{}, {"1", "--all"}, {"x"}, {"7"}} {
		command(t, exitUsage, append([]string{"outbox", "resend", "--data-dir", data}, args...)...)
	}
	if code := s.stop(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	command(t, exitOK, "outbox", "resend", "--all", "--data-dir", data)
	startService(t, data, model, "--pacs", pacs(server.DICOMweb))
	eventually(t, "sent", func() bool {
		out, _ := command(t, exitOK, "outbox", "--data-dir", data)
		return strings.Contains(out, "The outbox is empty.")
	})
	if n := server.Count(); n != 1 {
		t.Errorf("%d documents in the PACS", n)
	}
	command(t, exitFailure, "outbox", "--data-dir", t.TempDir())
}

// TestWatchFolder: images arrive while the watcher runs, is killed and runs
// again, with a table beside them; one job comes of it.
func TestWatchFolder(t *testing.T) {
	const uid = "1.2.826.0.1.3680043.10.9.8"
	root, state := t.TempDir(), t.TempDir()
	s := startService(t, t.TempDir(), testModel(t))
	args := []string{"watch-folder", root, "--quiet", "200ms", "--nats-url", s.bus, "--watch-dir", state}
	run := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], args...) //nolint:gosec // this test
		cmd.Env = append(cleanEnviron(), runAsProgram+"=1")
		cmd.Stderr = s.logs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if cmd.ProcessState == nil {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
		})
		return cmd
	}
	first := run()
	table := "seriesuid,coordX,coordY,coordZ\n" + uid + ",1,2,3\n"
	if err := os.WriteFile(filepath.Join(root, "nodules.csv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(missing string) bool {
		list, err := watch.ReadList(state)
		return err == nil && len(list) == 1 && list[0].Missing == missing
	}
	eventually(t, "the table waits", func() bool { return list(watch.MissingSeries) })
	_ = first.Process.Kill()
	_ = first.Wait()
	second := run()
	if err := dicomtest.WriteSeries(filepath.Join(root, "ct"), testSpec(uid, "")); err != nil {
		t.Fatal(err)
	}
	if r := s.results(1)[0]; r.SeriesUID != uid || r.JobSource != watch.JobSource || len(r.Nodules) != 1 || r.Nodules[0].PositionLPS != [3]float64{1, 2, 3} {
		t.Errorf("%+v", r)
	}
	if err := second.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("the watcher ended with %v", err)
	}
	if out, _ := command(t, exitOK, "watch-folder", "--list", "--watch-dir", state); out != "" {
		t.Errorf("%s", out)
	}
	command(t, exitUsage, "watch-folder", "--list", "--watch-dir", t.TempDir())
	command(t, exitUsage, "watch-folder")
	command(t, exitUsage, "watch-orthanc")
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
