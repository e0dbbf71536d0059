//go:build unix

package plugin

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
	"github.com/nodulescope/nodulescope/plugin/watch"
)

// chaosWatch is the process of a watcher at an Orthanc.
func chaosWatch(plan crashPlan) error {
	ctx := context.Background()
	opts := web.Options{URL: plan.PACS, User: plan.User, PasswordFile: plan.PasswordFile}
	archives, err := series.NewArchives(opts)
	if err != nil {
		return err
	}
	if opts.URL, err = web.RootOf(plan.PACS); err != nil {
		return err
	}
	server, err := web.NewOrthanc(opts)
	if err != nil {
		return err
	}
	b, err := bus.Connect(ctx, bus.Options{URL: plan.BusURL, Wait: true})
	if err != nil {
		return err
	}
	w, err := watch.New(watch.Options{
		Source: &watch.Orthanc{Server: server, Archives: archives, DICOMweb: plan.PACS, FromStart: true}, Bus: b, Dir: plan.DataDir,
		Candidates: plan.Candidates, Interval: 200 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// TestChaosOrthanc: series come into an Orthanc, a watcher makes jobs of them, and reports go
// back there, while Orthanc, watcher and services are killed and frozen. Each result has its
// report in Orthanc, once, and each series has a result.
func TestChaosOrthanc(t *testing.T) {
	notShort(t)
	t.Parallel()
	server := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{"StableAge": 1}})
	orthanctest.LookPath(t, "storescu")
	c := newChaos(t)
	n := max(*chaosJobs/20, 2) // series
	candidates := t.TempDir()
	var folders []string
	table := "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
	for i := range n {
		spec := plugintest.CT()
		spec.StudyUID, spec.SeriesUID = fmt.Sprintf("1.2.826.0.1.3680043.10.9.%d", i+100), fmt.Sprintf("1.2.826.0.1.3680043.10.9.%d.2", i+100)
		folders = append(folders, plugintest.WriteCT(t, spec))
		table += spec.SeriesUID + ",0,0,0,12\n"
	}
	plugintest.Must(t, os.WriteFile(filepath.Join(candidates, "nodules.csv"), []byte(table), 0o600))
	b, url := c.broker()
	plan := crashPlan{Point: "worker", BusURL: url, Chaos: true, PACS: server.DICOMweb, User: server.User, PasswordFile: server.PasswordFile}
	for i := range *chaosWorkers {
		plan.DataDir = t.TempDir()
		c.workers = append(c.workers, newVictim(t, c.logs, fmt.Sprint("worker", i), plan))
	}
	plan.DataDir, plan.Candidates = t.TempDir(), candidates
	c.workers = append(c.workers, newVictim(t, c.logs, "watcher", plan))

	end, sent := time.Now().Add(*chaosTime), make(chan struct{})
	go func() { // the scanner sends a series again until all of it was taken
		defer close(sent)
		for _, folder := range folders {
			for begin := time.Now(); server.TryStoreSCU(folder) != nil; time.Sleep(200 * time.Millisecond) {
				if time.Since(begin) > 3*time.Minute {
					t.Error("Orthanc takes no series")
					return
				}
			}
			time.Sleep(*chaosTime / time.Duration(2*n))
		}
	}()
	for time.Now().Before(end) {
		time.Sleep(time.Duration(c.r.Int64N(int64(2 * *chaosPause))))
		c.orthancFault(server)
	}
	<-sent
	c.checkReports(server, b, n)
	c.tellLogs()
}

// orthancFault kills or freezes Orthanc, a service or the watcher.
func (c *chaos) orthancFault(server *orthanctest.Server) {
	i, pause := c.r.IntN(len(c.workers)), time.Duration(c.r.Int64N(int64(2*time.Second)))
	kind := []string{"Orthanc killed", "Orthanc frozen", "service or watcher killed", "service or watcher frozen"}[c.r.IntN(4)]
	c.faults[kind]++
	switch kind {
	case "Orthanc killed":
		server.Kill()
		time.Sleep(pause / 2)
		server.Restart()
	case "Orthanc frozen":
		server.Freeze(pause)
	case "service or watcher killed":
		c.workers[i].kill()
		c.workers[i].start()
	default:
		c.workers[i].freeze(pause)
	}
}

// checkReports waits until no report is missing, and compares them with the results.
func (c *chaos) checkReports(server *orthanctest.Server, b *bus.Bus, series int) {
	t := c.t
	t.Helper()
	wanted, done := map[string]bool{}, map[string]bool{}
	held := map[string]int{}
	for begin := time.Now(); time.Since(begin) < 2*time.Minute; time.Sleep(200 * time.Millisecond) {
		clear(wanted)
		clear(done)
		clear(held)
		plugintest.Must(t, b.StoredResults(plugintest.Context(t), "local", func(s bus.StoredResult) error {
			_, r, err := bus.DecodeResult(s.Event)
			if err == nil {
				wanted[r.SRSOPUID], done[r.SeriesUID] = true, true
			}
			return err
		}))
		for _, file := range sentFiles(t, server, sr.ClassComprehensive3D) {
			id, err := dicomio.Identify(file)
			plugintest.Must(t, err)
			held[id.SOPInstanceUID]++
		}
		if len(done) == series && len(held) >= len(wanted) {
			break
		}
	}
	missing, more := 0, 0
	for uid := range wanted {
		if held[uid] == 0 {
			missing++
		}
	}
	for uid, n := range held {
		if !wanted[uid] || n != 1 {
			more++
		}
	}
	t.Logf("%d series, %d results, %d reports in Orthanc; faults %v: %d missing, %d more than once or of nothing", len(done), len(wanted), len(held), c.faults, missing, more)
	if len(done) != series || missing+more > 0 {
		t.Errorf("%d series were sent", series)
	}
	letters, err := b.DeadLetters(plugintest.Context(t), "local", bus.DeadOptions{})
	if err != nil || len(letters) > 0 {
		t.Errorf("%+v, %v", letters, err)
	}
}
