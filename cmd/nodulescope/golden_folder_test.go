package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

const (
	folderArchive = "data-folder.tar.gz" // the data of a service and of a watcher
	noPACS        = "http://127.0.0.1:1/dicom-web store-url=http://127.0.0.1:1/dicom-web"
)

// TestGoldenDataFolder: a service starts on a copy of the data that an earlier
// build left. It lists the same, keeps what is answered, scores it again by other
// models alone, goes on with the audit trail, and knows the user.
func TestGoldenDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	if *goldenWrite {
		writeDataFolder(t, dir)
	} else {
		unpack(t, filepath.Join(goldenDir, folderArchive), dir)
	}
	data := filepath.Join(dir, "data")
	outbox := goldenOutput(t, dir, "outbox", "--json", "--data-dir", data)
	goldenJSON(t, "folder-outbox.json", listOf(t, outbox), "tried")
	waiting := goldenOutput(t, dir, "watch-folder", "--list", "--watch-dir", "watch")
	goldenJSON(t, "folder-watch.json", listOf(t, waiting), "since", "path")

	s := startGoldenService(t, data, "--detectors", "vae-ad", "--pacs", noPACS)
	s.ready()
	goldenJSON(t, "folder-session.json", s.signIn("ann"), "csrf", "expires", "label")
	worklist := s.call(http.MethodGet, "/worklist?superseded=true&sort=time", nil, http.StatusOK)
	// The series lay in another folder then, so that its patient is not read.
	goldenJSON(t, "folder-worklist.json", here(dir, worklist), "event_id", "patient_problem")
	lists := func() (results, dead []byte) {
		return listOf(t, goldenOutput(t, dir, "results", "--json", "--nats-url", s.bus)), listOf(t, goldenOutput(t, dir, "dead", "--json", "--nats-url", s.bus))
	}
	results, dead := lists()
	goldenJSON(t, "folder-results.json", results)
	goldenJSON(t, "folder-dead.json", here(dir, dead))

	submit := func(id string, done int) (scored int) {
		goldenOutput(t, dir, "submit", "scan", "--nodules", "nodules.json", "--id", id, "--nats-url", s.bus)
		eventually(t, "the job is done", func() bool { return s.outcome("answered")+s.outcome("scored") == done })
		return s.outcome("scored")
	}
	first := submit("again", 1) // 1 where the binary has other models than that build
	if n := submit("once-more", 2); n != first {
		t.Errorf("%d jobs were scored again", n-first)
	}
	after, _ := lists()
	var before, now []json.RawMessage
	checktest.Must(t, errors.Join(json.Unmarshal(results, &before), json.Unmarshal(after, &now)))
	for _, r := range before {
		if !slices.ContainsFunc(now, func(n json.RawMessage) bool { return bytes.Equal(n, r) }) {
			t.Errorf("a result is no longer what it was: %.300s", r)
		}
	}
	if len(now) != len(before)+first {
		t.Errorf("%d results, %d before and %d jobs scored", len(now), len(before), first)
	}
	s.stop()
	if n := verifyTrail(t, filepath.Join(data, "audit.jsonl")); n < 8 {
		t.Errorf("%d records in the audit trail", n)
	}
}

// writeDataFolder has the program make results, a refused and a waiting letter,
// dead letters, a decision and the state of a watcher, and packs them.
func writeDataFolder(t *testing.T, dir string) {
	t.Helper()
	var stored atomic.Int32
	pacs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			w.WriteHeader(http.StatusNoContent) // QIDO-RS: it holds nothing
		case stored.Add(1) == 1:
			w.WriteHeader(http.StatusBadRequest)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer pacs.Close()
	data := filepath.Join(dir, "data")
	if _, errs, code := goldenRun(t, dir, goldenPassword+"\n", "users", "add", "ann", "--role", "review", "--data-dir", data); code != exitOK {
		t.Fatal(errs)
	}
	s := startGoldenService(t, data, "--detectors", "vae-ad", "--pacs", pacs.URL+" store-url="+pacs.URL)
	letters := func(want string) {
		eventually(t, want, func() bool {
			return strings.Contains(goldenOutput(t, dir, "outbox", "--json", "--data-dir", data), want)
		})
	}
	then := filepath.Join(dir, "incoming", "scan") // no later build finds it there
	if err := os.CopyFS(then, os.DirFS(filepath.Join(dir, "scan"))); err != nil {
		t.Fatal(err)
	}
	goldenOutput(t, dir, "submit", then, "--nodules", "nodules.json", "--id", "first", "--nats-url", s.bus)
	first := resultOf(t, s.until("nodule.v1.result."))
	letters(`"refused":true`)
	for _, text := range poison[:3] {
		s.publish("nodule.v1.job.local.routine", text)
		s.until("nodule.v1.dead.")
	}
	s.signIn("ann")
	s.call(http.MethodPut, "/series/"+strings.TrimPrefix(first, "sha256:")+"/findings/1/decision", map[string]any{"verdict": "suspicious", "kind": "", "comment": "", "base_version": 0}, http.StatusOK)
	s.until("nodule.v1.review.")
	if err := os.WriteFile(filepath.Join(dir, "incoming", "nodules.csv"), []byte("seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.99,1,2,3,9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	watcher := goldenCommand("watch-folder", filepath.Dir(then), "--quiet", "200ms", "--watch-dir", filepath.Join(dir, "watch"), "--nats-url", s.bus)
	if err := watcher.Start(); err != nil {
		t.Fatal(err)
	}
	s.until("nodule.v1.result.") // of scan with its truth.json, from another source
	letters(`"code":"pacs_unreachable"`)
	if err := watcher.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := watcher.Wait(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if err := os.RemoveAll(then); err != nil {
		t.Fatal(err)
	}
	pack(t, dir, filepath.Join(goldenDir, folderArchive), "data", "watch")
}

// ready waits until the service says that it is.
func (s *goldenService) ready() {
	s.t.Helper()
	eventually(s.t, "ready", func() bool {
		response, err := http.Get(s.health + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// outcome reads how many deliveries of jobs ended so.
func (s *goldenService) outcome(name string) (n int) {
	s.t.Helper()
	response, err := http.Get(s.health + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	m := regexp.MustCompile(`nodulescope_deliveries_total\{outcome="` + name + `"\} (\d+)`).FindSubmatch(text)
	if err != nil || m == nil {
		s.t.Fatalf("no %s in the metrics (%v)", name, err)
	}
	if _, err := fmt.Sscan(string(m[1]), &n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// verifyTrail checks that each record holds the digest of the one before.
func verifyTrail(t *testing.T, name string) (records int) {
	t.Helper()
	prev := strings.Repeat("0", 64)
	for line := range strings.Lines(readText(t, name)) {
		line = strings.TrimSuffix(line, "\n")
		var record struct{ Prev string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Prev != prev {
			t.Errorf("record %d does not follow from the one before (%v)", records+1, err)
		}
		sum := sha256.Sum256([]byte(line))
		prev = hex.EncodeToString(sum[:])
		records++
	}
	return records
}

// pack writes folders below dir into a .tar.gz.
func pack(t *testing.T, dir, name string, folders ...string) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, folder := range folders {
		err = filepath.WalkDir(filepath.Join(dir, folder), func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(relative), Mode: 0o600, Size: int64(len(text))}); err != nil {
				return err
			}
			_, err = w.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []io.Closer{w, z} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unpack is the inverse of pack.
func unpack(t *testing.T, name, dir string) {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(readText(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsLocal(h.Name) || slices.Contains(strings.Split(h.Name, "/"), "..") {
			t.Fatalf("%s leads out of the folder", h.Name)
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, h.Name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, h.Name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
