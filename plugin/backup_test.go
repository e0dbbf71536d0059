package plugin

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/backup"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	retrained "github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

const backupJobs = 200

// backupChild answers jobs, makes a backup amid them and a decision, and dies.
func backupChild(plan crashPlan) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	d, err := plugintest.NewDetector()
	if err != nil {
		return err
	}
	cfg := crashConfig(plan)
	cfg.Detectors = []detector.Detector{plugintest.Instant{Detector: d}}
	cfg.AuditFileBytes = 2000 // it has several files at the backup
	p, err := New(cfg)
	if err != nil {
		return err
	}
	go func() {
		err := backUpAmidJobs(ctx, p, plan)
		fmt.Fprintln(os.Stderr, "backup:", err)
		if err == nil {
			plugintest.Die()
		}
	}()
	return p.Run(ctx)
}

func backUpAmidJobs(ctx context.Context, p *Plugin, plan crashPlan) error {
	b, err := p.Bus(ctx)
	if err != nil {
		return err
	}
	for i := range backupJobs {
		job := plugintest.Job(plan.Point)
		job.Nodules[0].ID = fmt.Sprint("n", i)
		if _, err := b.SubmitJob(ctx, "local", "/test", fmt.Sprint(i), job); err != nil {
			return err
		}
	}
	seen := 0
	err = b.FollowResults(ctx, "local", bus.FollowOptions{FromStart: true}, func(bus.Envelope, bus.Result) error {
		if seen++; seen == 20 {
			return bus.ErrStop
		}
		return nil
	})
	if err == nil {
		err = decideOverHTTP(ctx, p.ReviewURL())
	}
	if err == nil {
		_, err = Backup(ctx, Config{DataDir: plan.DataDir}, plan.Backup, map[string]string{"users.json": UsersFile(plan.DataDir), "none": "/is/not/there"})
	}
	if err == nil {
		_, err = Backup(ctx, Config{DataDir: plan.DataDir}, plan.Backup+".tar", nil)
	}
	return err
}

// A backup that was made amid jobs is of one moment: restored elsewhere, with the
// service killed, every job is answered once, and the decision is there.
func TestBackupAmidJobs(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills processes, whose races nobody is told")
	}
	t.Parallel()
	place := t.TempDir()
	plan := crashPlan{DataDir: t.TempDir(), Point: plugintest.WriteCT(t, plugintest.CT()), Backup: filepath.Join(place, "backup"), Decide: true}
	writeUsers(t, plan.DataDir)
	plugintest.Crash(t, plan)
	if left, _ := filepath.Glob(filepath.Join(plan.DataDir, stagingPrefix+"*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	for _, source := range []string{plan.Backup, plan.Backup + ".tar"} {
		cfg := instantConfig(t)
		cfg.DataDir = filepath.Join(t.TempDir(), "restored")
		m, err := Restore(plugintest.Context(t), cfg, source)
		plugintest.Must(t, err)
		var waiting uint64
		for _, s := range m.Streams {
			if s.Stream == bus.StreamJobs {
				waiting, err = s.Messages()
				plugintest.Must(t, err)
			}
		}
		if len(m.Streams) != 4 || waiting == 0 || waiting >= backupJobs-10 {
			t.Errorf("%d streams, %d jobs wait: the backup was not made amid jobs", len(m.Streams), waiting)
		}
		if _, err := os.Stat(UsersFile(cfg.DataDir)); (err == nil) != (source == plan.Backup) {
			t.Errorf("users: %v", err)
		}
		p := start(t, cfg)
		plugintest.WaitFor(t, func() bool {
			h, err := p.bus.Holding(plugintest.Context(t), bus.StreamJobs)
			return err == nil && h.Messages == 0
		})
		seen := map[string]bool{}
		for _, r := range p.idle(backupJobs) {
			seen[r.Nodules[0].ID] = true
		}
		if len(seen) != backupJobs {
			t.Errorf("%d of %d jobs were answered", len(seen), backupJobs)
		}
		plugintest.Must(t, p.stop())
		if files, err := audit.Files(auditFile(cfg.DataDir)); len(files) < 3 || err != nil {
			t.Errorf("the audit trail has the files %v, %v", files, err)
		}
		if lines := auditLines(t, cfg.DataDir, audit.KindRestored); len(lines) != 1 {
			t.Errorf("%d records tell of the restore", len(lines))
		}
		for _, line := range auditLines(t, cfg.DataDir, audit.KindDamage) {
			t.Errorf("the restore looks like damage: %+v", line)
		}
		if lines := auditLines(t, cfg.DataDir, audit.KindDecision); len(lines) != 1 {
			t.Errorf("%d decisions", len(lines))
		}
	}
}

// A backup that is damaged in any file, lacks one, or did not end is refused,
// and leaves the data folder empty; so is one into a folder that is not.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	submitMany(t, p.bus, dir, 0, 3)
	p.results(3)
	plugintest.Must(t, p.stop())
	importModels(t, cfg.DataDir, 5)
	at := t.TempDir()
	good := filepath.Join(at, "good")
	for _, target := range []string{good, good + ".tar"} { // of a service that does not run
		_, err := Backup(plugintest.Context(t), cfg, target, nil)
		plugintest.Must(t, err)
		_, err = Backup(plugintest.Context(t), cfg, target, nil)
		plugintest.WantCode(t, err, CodeSettings) // it is there
		_, err = Backup(plugintest.Context(t), cfg, filepath.Join(ledgerFile(cfg.DataDir), filepath.Base(target)), nil)
		plugintest.WantCode(t, err, CodeBackup) // no folder
	}
	refused := func(name string, damage func(copied string) (source string)) {
		t.Helper()
		copied := filepath.Join(t.TempDir(), "copy")
		plugintest.Must(t, os.CopyFS(copied, os.DirFS(good)))
		other := cfg
		other.DataDir = t.TempDir()
		_, err := Restore(plugintest.Context(t), other, damage(copied))
		if CodeOf(err) != backup.CodeDamaged {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(other.DataDir); len(left) > 0 {
			t.Errorf("%s: %v are left", name, left)
		}
	}
	files, err := os.ReadDir(good)
	plugintest.Must(t, err)
	for _, f := range files {
		refused("changed "+f.Name(), func(c string) string { overwrite(t, filepath.Join(c, f.Name()), 0.5, 1); return c })
		refused("cut "+f.Name(), func(c string) string { truncate(t, filepath.Join(c, f.Name()), 0.7); return c })
		refused("without "+f.Name(), func(c string) string { plugintest.Must(t, os.Remove(filepath.Join(c, f.Name()))); return c })
	}
	refused("another file", func(c string) string {
		plugintest.Must(t, os.WriteFile(filepath.Join(c, "more"), nil, 0o600))
		return c
	})
	refused("a link", func(c string) string {
		plugintest.Must(t, os.Remove(filepath.Join(c, backup.AuditFile)))
		plugintest.Must(t, os.Mkdir(filepath.Join(c, backup.AuditFile), 0o700))
		return c
	})
	for _, share := range []float64{0, 0.01, 0.5, 0.9} {
		refused(fmt.Sprint("tar cut at ", share), func(c string) string {
			plugintest.Must(t, os.CopyFS(c+".d", os.DirFS(at)))
			truncate(t, filepath.Join(c+".d", "good.tar"), share)
			return filepath.Join(c+".d", "good.tar")
		})
	}
	refused("tar with a name that leads out", func(c string) string {
		path := c + ".tar"
		f, err := os.Create(path)
		plugintest.Must(t, err)
		w := tar.NewWriter(f)
		plugintest.Must(t, w.WriteHeader(&tar.Header{Name: "../" + backup.ManifestFile, Size: 2, Mode: 0o600}))
		_, err = w.Write([]byte("{}"))
		plugintest.Must(t, errors.Join(err, w.Close(), f.Close()))
		return path
	})
	_, err = Restore(plugintest.Context(t), cfg, good)
	plugintest.WantCode(t, err, CodeSettings)
	if !strings.Contains(err.Error(), "not empty") {
		t.Error(err)
	}
}

// A restore that was cut short is no data folder.
func TestUnfinishedRestoreIsNoDataFolder(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	plugintest.Must(t, os.Mkdir(filepath.Join(cfg.DataDir, restoringFolder), 0o700))
	p, err := New(cfg)
	plugintest.Must(t, err)
	plugintest.WantCode(t, p.Run(plugintest.Context(t)), CodeSettings)
}

// What another backup still copies to its target is left alone, what a command that
// was killed has left is removed.
func TestBackupBesideAnother(t *testing.T) {
	t.Parallel()
	p := start(t, instantConfig(t))
	other, left := filepath.Join(p.cfg.DataDir, stagingPrefix+"other"), filepath.Join(p.cfg.DataDir, stagingPrefix+"left")
	for _, path := range []string{other, left} {
		plugintest.Must(t, os.Mkdir(path, 0o700))
	}
	old := time.Now().Add(-stagingLimit - time.Hour)
	plugintest.Must(t, os.Chtimes(left, old, old))
	_, err := Backup(plugintest.Context(t), Config{DataDir: p.cfg.DataDir}, filepath.Join(t.TempDir(), "backup"), nil)
	plugintest.Must(t, err)
	staged, err := filepath.Glob(filepath.Join(p.cfg.DataDir, stagingPrefix+"*"))
	if err != nil || !slices.Equal(staged, []string{other}) {
		t.Errorf("%v are there, %v", staged, err)
	}
}

// At an external broker, a restored ledger gets at the start what came after the
// backup, and works on none of it again.
func TestRestoredBesideABrokerThatWentOn(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	cfg.Bus = bus.Options{URL: plugintest.NewBroker(t).URL}
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	submitMany(t, p.bus, dir, 0, 1)
	p.outcome(jobs.Scored, 1)
	p.idle(1)
	target := filepath.Join(t.TempDir(), "backup")
	_, err := Backup(plugintest.Context(t), Config{DataDir: cfg.DataDir}, target, nil)
	plugintest.Must(t, err)
	submitMany(t, p.bus, dir, 1, 1)
	p.outcome(jobs.Scored, 2)
	p.idle(2)
	plugintest.Must(t, p.stop())

	cfg.DataDir = filepath.Join(t.TempDir(), "restored")
	_, err = Restore(plugintest.Context(t), cfg, target)
	plugintest.Must(t, err)
	p = start(t, cfg)
	k := p.state().kept
	if k.New || k.filling.Load() {
		t.Error("the ledger is still to be filled")
	}
	for identity := range events(t, p.bus) {
		e, err := k.Find(identity)
		_, recordErr := k.review.Record(store.IDOf(identity))
		if err != nil || e.State != ledger.Published || recordErr != nil {
			t.Errorf("%s: %v, %v, %v", identity, e.State, err, recordErr)
		}
	}
}

// Versions of models, which of them scores, and the key that signs them come back; so
// does a store that nothing was promoted in.
func TestBackupHoldsModels(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	p := start(t, cfg)
	versions := importModels(t, cfg.DataDir, 5, 6)
	models := retrained.Open(cfg.DataDir)
	key, err := models.Key()
	plugintest.Must(t, err)
	target := filepath.Join(t.TempDir(), "backup.tar")
	_, err = Backup(plugintest.Context(t), Config{DataDir: cfg.DataDir}, target, nil)
	plugintest.Must(t, err)
	plugintest.Must(t, p.stop())

	cfg.DataDir = filepath.Join(t.TempDir(), "restored")
	_, err = Restore(plugintest.Context(t), cfg, target)
	plugintest.Must(t, err)
	restored := retrained.Open(cfg.DataDir)
	list, err := restored.List()
	if err != nil || len(list) != len(versions) {
		t.Fatalf("%d versions, %v", len(list), err)
	}
	for _, v := range versions {
		if _, err := restored.Load(v.Version); err != nil {
			t.Error(err)
		}
	}
	if again, err := restored.Key(); again != key || err != nil {
		t.Errorf("key %s, not %s: %v", again, key, err)
	}
	info, err := os.Stat(filepath.Join(cfg.DataDir, "models", "site-signing.key"))
	if err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Error(info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, backup.ModelsFile)); err == nil {
		t.Error("the copy is left")
	}
	start(t, cfg)
}
