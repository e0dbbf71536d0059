package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// result of a call that may be refused.
func try(t testing.TB, args ...string) (out string, code int) {
	t.Helper()
	path, err := program()
	checktest.Must(t, err)
	text, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput() //nolint:gosec // our own
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(text), exit.ExitCode()
	}
	checktest.Must(t, err)
	return string(text), 0
}

// site is a hospital of phantoms, with kernels and noise of its own, and of the scans of
// real patients where there are some.
type site struct {
	*service
	data    string            // of the service
	out     string            // all that is made of its data
	folders []string          // with series
	series  []string          // UIDs
	again   string            // scan of the jobs that keep coming
	place   string            // of the nodule that they ask for, as JSON
	truth   map[string]string // verdict by series and nodule, after the kind of a phantom
	marks   []string          // names and ids of its patients
}

var cycleVerdicts = map[string]string{"spiculated": "s", "part-solid": "s", "ground-glass": "s", "solid": "s", "calcified": "b", "small-solid": "b"}

// scan makes one scan of the site.
func (s *site) scan(t *testing.T, root string, n int) (dir string) {
	t.Helper()
	dir = filepath.Join(root, fmt.Sprint("scan", n))
	run(t, "", "phantom", dir, "--seed", fmt.Sprint(n), "--slices", "60", "--size", "128", "--kernel", [3]string{"sharp", "sharp", "standard"}[n%3], "--noise", fmt.Sprint(30+10*(n%4)))
	text, err := os.ReadFile(filepath.Join(dir, "truth.json")) //nolint:gosec // of this test
	checktest.Must(t, err)
	var truth struct {
		SeriesUID string `json:"series_uid"`
		Nodules   []struct {
			ID, Kind string
			Place    json.RawMessage `json:"position_lps_mm"`
		} `json:"nodules"`
	}
	checktest.Must(t, json.Unmarshal(text, &truth))
	s.series = append(s.series, truth.SeriesUID)
	s.place = string(truth.Nodules[0].Place)
	for _, nodule := range truth.Nodules {
		s.truth[truth.SeriesUID+nodule.ID] = cycleVerdicts[nodule.Kind]
	}
	return dir
}

// newSite starts a service and has it score all series.
func newSite(t *testing.T, scans int) *site {
	t.Helper()
	root := t.TempDir()
	s := &site{data: t.TempDir(), out: t.TempDir(), truth: map[string]string{}, marks: []string{"Phantom^Nodulescope", "PHANTOM-"}}
	s.service = serveFrom(t, s.data, "--promote-consent", "2", "--log-level", "debug")
	phantoms, patients := filepath.Join(root, "phantoms"), filepath.Join(root, "patients")
	s.folders = []string{phantoms}
	for n := range scans {
		s.submit(t, s.scan(t, phantoms, n+1))
	}
	if data := os.Getenv("NODULESCOPE_DATA"); data != "" {
		readers, err := filepath.Glob(filepath.Join(data, "ct", "*", "*", "*", "*.xml"))
		checktest.Must(t, err)
		for i, marks := range readers {
			dir := filepath.Join(patients, fmt.Sprint("scan", i)) // a name that is no patient's
			checktest.Must(t, os.CopyFS(dir, os.DirFS(filepath.Dir(marks))))
			run(t, "", "submit", dir, "--nodules", filepath.Join(dir, filepath.Base(marks)), "--nats-url", s.bus)
			uid := filepath.Base(filepath.Dir(marks))
			s.series = append(s.series, uid)
			patient, _, _ := strings.Cut(strings.TrimPrefix(marks, filepath.Join(data, "ct")+string(filepath.Separator)), string(filepath.Separator))
			s.marks = append(s.marks, patient)
		}
		if len(readers) > 0 {
			s.folders = append(s.folders, patients)
		}
	}
	for end := time.Now().Add(scoringPatience); len(s.results(t)) < len(s.series); time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatalf("%d results of %d series", len(s.results(t)), len(s.series))
		}
	}
	return s
}

func (s *site) results(t testing.TB) (list []bus.Result) {
	t.Helper()
	for line := range strings.Lines(run(t, "", "results", "--json", "--nats-url", s.bus)) {
		var r bus.Result
		checktest.Must(t, json.Unmarshal([]byte(line), &r))
		list = append(list, r)
	}
	return list
}

// review has ann decide on every nodule on the page: what the truth of a phantom says, and
// of real nodules that large ones are suspicious. It returns how many she decided on.
func (s *site) review(t *testing.T) (decided int) {
	t.Helper()
	verdicts := map[string]string{} // by the page's address of a finding
	for _, r := range s.results(t) {
		for i, n := range r.Nodules {
			verdict := s.truth[r.SeriesUID+n.ID]
			if verdict == "" {
				verdict = map[bool]string{true: "s", false: "b"}[n.DiameterMM >= 10]
			}
			verdicts[fmt.Sprintf("%s/%d", strings.TrimPrefix(r.Identity, "sha256:"), i+1)] = verdict
		}
	}
	ann := newTab(newBrowser(t), t, "ann")
	ann.size(1280, 800)
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state.scored")`)
	ann.press("o")
	where := `location.hash.split("/")[2] + "/" + document.querySelector(".findings [aria-current]")?.dataset.finding`
	for series := ""; ; {
		ann.opened()
		at := eval[string](ann, where)
		if id, _, _ := strings.Cut(at, "/"); id != series {
			series = id
			t.Logf("%s: series %.8s", time.Now().Format(time.TimeOnly), series)
		}
		verdict := verdicts[at]
		if verdict == "" {
			t.Fatalf("%s was decided before, or is none of the site's", at)
		}
		delete(verdicts, at)
		decided++
		ann.press(verdict)
		ann.until("the verdict", `document.querySelector(".verdicts [aria-pressed=true]")`)
		eval[bool](ann, `window.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", shiftKey: true, bubbles: true, cancelable: true}))`)
		if len(verdicts) == 0 {
			break
		}
		ann.until("the next finding", fmt.Sprintf(`(%s) !== %q && document.querySelector(".findings [aria-current]")`, where, at))
	}
	ann.text("[data-test=notice]", "no other series of the list is open")
	ann.shot("reviewed")
	ann.press("w", kb.Home)
	return decided
}

// flow is jobs that keep coming, three at a time, each a job of its own that asks for the
// same nodule under another name.
type flow struct {
	jobs []string // ids of those that were sent, once the flow has ended
	end  func()

	mu       sync.Mutex
	answered int
}

func (f *flow) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answered
}

// more waits until as many more jobs are answered.
func (f *flow) more(t *testing.T, n int) {
	t.Helper()
	want := f.count() + n
	for end := time.Now().Add(scoringPatience); f.count() < want; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d jobs are answered", f.count(), want)
		}
	}
}

// candidates writes the nodule that all these jobs ask for.
func (s *site) candidates(dir, name string) (file string, err error) {
	file = filepath.Join(dir, "nodules.json")
	return file, os.WriteFile(file, []byte(`{"nodules": [{"id": "`+name+`", "position_lps_mm": `+s.place+`, "diameter_mm": 12}]}`), 0o600)
}

func (s *site) flow(t *testing.T) *flow {
	t.Helper()
	path, err := program()
	checktest.Must(t, err)
	dir, stop, ended := t.TempDir(), make(chan struct{}), make(chan struct{})
	f := &flow{end: sync.OnceFunc(func() { close(stop); <-ended })}
	sent := func(n int) (id string, ok bool) {
		file, err := s.candidates(dir, fmt.Sprint("again-", n))
		if err != nil {
			t.Error(err)
			return "", false
		}
		out, err := exec.Command(path, "submit", s.again, "--nodules", file, "--nats-url", s.bus).CombinedOutput() //nolint:gosec // our own
		if id, _, _ = strings.Cut(string(out), "\n"); err != nil || !strings.HasPrefix(id, "job-") {
			t.Errorf("submit: %v\n%s", err, out)
			return "", false
		}
		return id, true
	}
	done := func() bool { // all that were sent
		out, err := exec.Command(path, "results", "--json", "--nats-url", s.bus).Output() //nolint:gosec // our own
		n := 0
		for _, id := range f.jobs {
			n += min(bytes.Count(out, []byte(`"`+id+`"`)), 1)
		}
		f.mu.Lock()
		f.answered = n
		f.mu.Unlock()
		return err == nil && n == len(f.jobs)
	}
	go func() {
		defer close(ended)
		for {
			for range 3 {
				id, ok := sent(len(f.jobs))
				if !ok {
					return
				}
				f.jobs = append(f.jobs, id)
			}
			for limit := time.Now().Add(scoringPatience); !done(); time.Sleep(200 * time.Millisecond) {
				if time.Now().After(limit) {
					t.Error("the jobs that keep coming are not answered")
					return
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Second): // in which a shadow run has its turn
			}
		}
	}()
	t.Cleanup(f.end)
	return f
}

// found are the marks that stand in the files of a folder.
func found(t *testing.T, folder string, marks []string) (where map[string][]string) {
	t.Helper()
	where = map[string][]string{}
	checktest.Must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // of this test
		for _, mark := range marks {
			if bytes.Contains(content, []byte(mark)) {
				where[mark] = append(where[mark], path)
			}
		}
		return err
	}))
	return where
}
