package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/internal/logtest"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin/watch"
)

// chain is the whole way: a PACS, a watcher, a service with a bus of its own.
type chain struct {
	t        *testing.T
	server   *orthanctest.Server
	client   *web.Client
	phantom  *phantom.Phantom
	folder   string // its images
	series   *dicomio.Series
	settings string // file
	state    string // of the watcher
	dropped  string // folder of candidates
	service  *service
	watcher  *exec.Cmd
}

func newChain(t *testing.T, extra map[string]any) *chain {
	t.Helper()
	settings := map[string]any{"StableAge": 1}
	for k, v := range extra {
		settings[k] = v
	}
	c := &chain{t: t, server: orthanctest.Start(t, orthanctest.Settings{Extra: settings}), state: t.TempDir(), dropped: t.TempDir()}
	c.settings = writeFile(t, "settings.yaml", fmt.Sprintf("pacs:\n- url: %[1]s\n  store-url: %[1]s\n  user: %[2]s\n  password-file: %[3]s\n", c.server.DICOMweb, c.server.User, c.server.PasswordFile))
	var err error
	if c.client, err = web.New(c.server.Options()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	if c.phantom, err = phantom.Generate(phantom.Small(5)); err != nil {
		t.Fatal(err)
	}
	c.folder = filepath.Join(t.TempDir(), "ct")
	if err := c.phantom.WriteDICOM(t.Context(), c.folder, nil); err != nil {
		t.Fatal(err)
	}
	if c.series, err = dicomio.OpenSeries(t.Context(), c.folder, "", dicomio.Options{}); err != nil {
		t.Fatal(err)
	}
	c.service = startService(t, t.TempDir(), testModel(t), "--config", c.settings)
	c.watch()
	return c
}

// watch starts the watcher, after it was killed or for the first time.
func (c *chain) watch() {
	c.t.Helper()
	c.watcher = exec.Command(os.Args[0], "watch-orthanc", "--config", c.settings, "--nats-url", c.service.bus, "--watch-dir", c.state, "--candidates", c.dropped, "--log-level", "debug") //nolint:gosec // this test
	c.watcher.Env = append(cleanEnviron(), runAsProgram+"=1")
	logs := &logtest.Buffer{}
	c.watcher.Stderr = logs
	if err := c.watcher.Start(); err != nil {
		c.t.Fatal(err)
	}
	watcher := c.watcher
	c.t.Cleanup(func() {
		if watcher.ProcessState == nil {
			_ = watcher.Process.Kill()
			_ = watcher.Wait()
		}
		if c.t.Failed() {
			c.t.Logf("log of the watcher:\n%s", logs)
		}
	})
	c.until("the watcher follows the journal", func() bool {
		_, err := watch.ReadList(c.state)
		return err == nil
	})
}

func (c *chain) killWatcher() {
	c.t.Helper()
	if err := c.watcher.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
	_ = c.watcher.Wait() // it was killed
}

func (c *chain) until(what string, done func() bool) { c.t.Helper(); eventually(c.t, what, done) }

// reports are the reports of this program in the study, found by QIDO-RS and
// read by WADO-RS.
func (c *chain) reports() (files [][]byte) {
	c.t.Helper()
	found, err := c.client.Series(c.t.Context(), c.series.StudyUID, web.Query{Match: map[string]string{"Modality": "SR"}})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, s := range found {
		instances, err := c.client.Instances(c.t.Context(), c.series.StudyUID, s.Text(web.TagSeriesUID), web.Query{})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, i := range instances {
			file, err := c.client.Instance(c.t.Context(), c.series.StudyUID, s.Text(web.TagSeriesUID), i.Text(web.TagSOPInstanceUID))
			if err != nil {
				c.t.Fatal(err)
			}
			if sr.IsOwn(file) {
				files = append(files, file)
			}
		}
	}
	return files
}

// detect stores the report of a detector that has found every nodule.
func (c *chain) detect() {
	c.t.Helper()
	header, err := sr.HeaderOf(c.t.Context(), c.series)
	if err != nil {
		c.t.Fatal(err)
	}
	r := sr.Report{Identity: "detector", Time: time.Now(), Header: header, Device: sr.Device{Manufacturer: "Detectors, Inc."}}
	for _, n := range c.phantom.Nodules() {
		at, ok := c.series.OnImage(n.PositionLPS)
		if !ok {
			c.t.Fatal("a nodule is on no image")
		}
		r.Nodules = append(r.Nodules, sr.Nodule{ID: n.ID, PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM, Image: at})
	}
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil {
		c.t.Fatal(err)
	}
	other := bytes.ReplaceAll(b.Bytes(), []byte("99NDSCOPE"), []byte("99OTHERS "))
	if _, err := c.client.Store(c.t.Context(), other); err != nil {
		c.t.Fatal(err)
	}
}

// outcome reads how many deliveries ended so.
func (c *chain) outcome(name string) int {
	c.t.Helper()
	response, err := http.Get(c.service.http + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	m := regexp.MustCompile(`nodulescope_deliveries_total\{outcome="` + name + `"\} (\d+)`).FindSubmatch(text)
	if m == nil {
		c.t.Fatalf("no %s in the metrics", name)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// TestFromThePACSAndBack: images come by C-STORE, a detector's report by
// STOW-RS; watcher and service, of which the watcher is killed in between, make
// one report of them in Orthanc, which validators take and an independent
// reader understands. The same job again leaves it at that.
func TestFromThePACSAndBack(t *testing.T) {
	c := newChain(t, nil)
	c.server.StoreSCU(c.folder)
	c.killWatcher()
	c.watch()
	c.until("the series waits for candidates", func() bool {
		out, _ := command(t, exitOK, "watch-orthanc", "--list", "--watch-dir", c.state)
		var line watch.Waiting
		return json.Unmarshal([]byte(out), &line) == nil && line.Missing == watch.MissingCandidates && line.SeriesUID == c.series.SeriesUID
	})
	c.detect()
	c.until("a report is in the PACS", func() bool { return len(c.reports()) == 1 })
	c.killWatcher()
	c.watch()
	results := c.service.results(1)
	if len(results) != 1 || len(results[0].Nodules) != len(c.phantom.Nodules()) {
		t.Fatalf("%d results", len(results))
	}
	again(t, c, results[0])

	reports := c.reports()
	if len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	name := filepath.Join(t.TempDir(), "report.dcm")
	if err := os.WriteFile(name, reports[0], 0o600); err != nil {
		t.Fatal(err)
	}
	validateReport(t, name)
	t.Run("pydicom", func(t *testing.T) { c.understood(t, name, results[0]) })
	out, _ := command(t, exitOK, "outbox", "--config", c.settings, "--data-dir", c.dataDir())
	if !strings.Contains(out, "The outbox is empty.") {
		t.Errorf("%s", out)
	}
}

// dataDir of the service, as its command line says.
func (c *chain) dataDir() string {
	for i, arg := range c.service.cmd.Args {
		if arg == "--data-dir" {
			return c.service.cmd.Args[i+1]
		}
	}
	return ""
}

// again submits the job of a result once more, and waits until it is answered.
func again(t *testing.T, c *chain, r bus.Result) {
	t.Helper()
	b, err := bus.Connect(t.Context(), (&busFlags{url: c.service.bus}).options(nil, bus.RoleOperator))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	job := bus.Job{StudyUID: r.StudyUID, SeriesUID: r.SeriesUID, URI: c.server.DICOMweb + "/studies/" + r.StudyUID + "/series/" + r.SeriesUID}
	for _, n := range r.Nodules {
		job.Nodules = append(job.Nodules, n.JobNodule)
	}
	if _, err := b.SubmitJob(t.Context(), "local", r.JobSource, "again", job); err != nil {
		t.Fatal(err)
	}
	c.until("the job is answered", func() bool { return c.outcome("answered") == 1 })
	if n := c.outcome("scored"); n != 1 {
		t.Errorf("scored %d times", n)
	}
}

// pixelmed has the validator of PixelMed judge the report of a whole journey too.
// It takes longer than the journey; dicomio/sr has it judge two reports always.
var pixelmed = flag.Bool("pixelmed", false, "have PixelMed judge what the service sends to a PACS")

// validateReport has dcmtk and dicom3tools judge a file, and PixelMed if asked to.
func validateReport(t *testing.T, name string) {
	t.Helper()
	const jar = "/usr/share/java/pixelmed.jar"
	for _, tool := range [][]string{
		{"dsrdump", "-Er", name}, {"dciodvfy", name},
		{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djdk.xml.xpathTotalOpLimit=0", "-Djdk.xml.xpathExprOpLimit=0", "-Djdk.xml.xpathExprGrpLimit=0",
			"-cp", jar + ":/usr/share/java/*", "com.pixelmed.validate.DicomSRValidator", name},
	} {
		t.Run(tool[0], func(t *testing.T) {
			path, err := exec.LookPath(tool[0])
			if tool[0] == "java" && !*pixelmed {
				t.Skip("make test-pacs has PixelMed judge it")
			}
			if err != nil || tool[0] == "java" && !exists(jar) {
				t.Skip("not installed here (Debian: dcmtk, dicom3tools, pixelmed-apps)")
			}
			out, err := exec.Command(path, tool[1:]...).CombinedOutput() //nolint:gosec // of the table
			list := slices.DeleteFunc(regexp.MustCompile(`(?mi)^\s*(error|e:|f:).*$`).FindAllString(string(out), -1), dicomtest.Mistaken)
			if err != nil || len(list) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// understood has pydicom find every nodule: on an image, within a millimetre.
func (c *chain) understood(t *testing.T, name string, r bus.Result) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pydicom, numpy").Run(); err != nil {
		t.Skip("no python3-pydicom here")
	}
	args := []string{filepath.Join("..", "..", "dicomio", "sr", "testdata", "read_report.py"), name}
	for _, s := range c.series.Slices {
		args = append(args, s.Path)
	}
	out, err := exec.Command(python, args...).CombinedOutput() //nolint:gosec // of this repository
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	places := map[string][3]float64{}
	for _, m := range regexp.MustCompile(`(?m)^place (\S+) at (\S+) (\S+) (\S+),`).FindAllStringSubmatch(string(out), -1) {
		var at [3]float64
		for i := range at {
			at[i], _ = strconv.ParseFloat(m[2+i], 64)
		}
		places[m[1]] = at
	}
	for _, n := range r.Nodules {
		at, found := places[n.ID]
		off := math.Hypot(math.Hypot(at[0]-n.PositionLPS[0], at[1]-n.PositionLPS[1]), at[2]-n.PositionLPS[2])
		if !found || off > 1 {
			t.Errorf("%s: found %t, %.2f mm away", n.ID, found, off)
		}
	}
}
