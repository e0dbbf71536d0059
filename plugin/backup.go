package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/backup"
	"github.com/nodulescope/nodulescope/plugin/internal/disk"
	retrained "github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// BackupManifest says what a backup holds.
type BackupManifest = backup.Manifest

const (
	stagingPrefix = ".backup-" // of the folder below the data folder in which a backup is made
	backupLimit   = 30 * time.Minute
	stagingLimit  = 24 * time.Hour // a staging folder that is older was left by a command that was killed
)

// Backup copies what the service of a data folder keeps to target, which must not
// be there: a folder, or a tar file where its name ends in .tar. The service may
// run; it then holds jobs and decisions up while it copies ledger and streams, so
// that the backup is of one moment. more are further files, by the name that they
// get in it. Codes: ledger_locked, ledger_failed, stream_unavailable, backup_failed
// where data folder or target have no room or cannot be written, settings_invalid.
func Backup(ctx context.Context, cfg Config, target string, more map[string]string) (m BackupManifest, err error) {
	const op = "make backup"
	if cfg, err = cfg.withDefaults(); err != nil {
		return m, err
	}
	if _, err := os.Stat(ledgerFile(cfg.DataDir)); err != nil {
		return m, coded.New(CodeSettings, op, "the data folder holds no ledger: name the service's data folder", err)
	}
	if _, err := os.Lstat(target); err == nil {
		return m, coded.New(CodeSettings, op, target+" is there already: name another one", nil)
	}
	staging := filepath.Join(cfg.DataDir, stagingPrefix+time.Now().UTC().Format("20060102T150405.000"))
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	m.Site, m.Software = cfg.Site, cfg.Software
	asked, err := ask(ctx, cfg.DataDir, http.MethodPost, "/backup", backupLimit, filepath.Base(staging), &m)
	if !asked {
		m, err = stageStopped(ctx, cfg, staging)
	}
	if err != nil {
		return m, err
	}
	at := map[string]string{}
	for _, f := range m.Files {
		at[f.Name] = staging
	}
	for name, path := range more {
		f, err := backup.Create(staging, name, func(w io.Writer) error { return copyInto(w, path, -1) })
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return m, coded.New(CodeBackup, op, "a file cannot be copied", err)
		}
		m.Files, at[name] = append(m.Files, f), staging
	}
	if err := backup.Write(target, m, at); err != nil {
		return m, coded.New(CodeBackup, op, "the backup cannot be written", err)
	}
	return m, nil
}

// stageStopped makes the copy of a service that does not run.
func stageStopped(ctx context.Context, cfg Config, staging string) (m BackupManifest, err error) {
	cfg.Server.DontListen = true
	p := &Plugin{cfg: cfg, metrics: newMetrics(nil, cfg.Software, cfg.DataDir), log: cfg.Logger.With("part", "plugin")}
	var opened closers
	defer opened.close(p.log)
	k, err := openKept(cfg.DataDir)
	if err != nil {
		return m, err
	}
	opened.add(k.Close)
	if _, err := os.Stat(cfg.Server.StoreDir); err == nil {
		if _, err := p.join(ctx, &opened); err != nil {
			return m, err
		}
	}
	return p.stage(ctx, k, p.state().own, staging)
}

// stage copies ledger, audit trail and the streams of the service's own bus into
// a new folder, as they are at one moment: meanwhile nothing is written to the
// ledger, without which no job goes on.
func (p *Plugin) stage(ctx context.Context, k *kept, own *bus.Server, folder string) (m BackupManifest, err error) {
	const op = "make backup"
	if !p.backing.TryLock() {
		return m, coded.New(CodeBackup, op, "another backup is being made", nil)
	}
	defer p.backing.Unlock()
	if err := p.roomForBackup(); err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(ctx, backupLimit)
	defer cancel()
	m = BackupManifest{Format: backup.Format, Time: time.Now().UTC(), Software: p.cfg.Software, Site: p.cfg.Site}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return m, coded.New(CodeBackup, op, "the data folder cannot be written", err)
	}
	put := func(name string, write func(io.Writer) error) error {
		f, err := backup.Create(folder, name, func(w io.Writer) error { return write(ending{ctx, w}) })
		m.Files = append(m.Files, f)
		return err
	}
	models := retrained.Open(p.cfg.DataDir)
	err = models.Still(ctx, func(pack func(io.Writer) error) error { // or the audit trail would know other promotions
		err := k.Still(func(ledger func(io.Writer) error) error {
			if own != nil {
				if err := p.stageStreams(ctx, own, &m, put); err != nil {
					return err
				}
			}
			if err := put(backup.LedgerFile, ledger); err != nil {
				return err
			}
			return p.stageAudit(put)
		})
		if err != nil || pack == nil {
			return err
		}
		return put(backup.ModelsFile, pack)
	})
	if err != nil {
		return m, errors.Join(wrapped(op, "a file cannot be copied", err), os.RemoveAll(folder))
	}
	return m, nil
}

func (p *Plugin) stageStreams(ctx context.Context, own *bus.Server, m *BackupManifest, put func(string, func(io.Writer) error) error) error {
	b, err := bus.Connect(ctx, bus.Options{Server: own, Logger: p.cfg.Logger})
	if err != nil {
		return err
	}
	defer b.Close()
	for _, stream := range bus.Streams() {
		err := put(backup.StreamFile(stream), func(w io.Writer) error {
			s, err := b.Snapshot(ctx, stream, w)
			m.Streams = append(m.Streams, s)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wrapped gives an error without a code backup_failed.
func wrapped(op, hint string, err error) error {
	if coded.CodeOf(err) != "" {
		return err
	}
	return coded.New(CodeBackup, op, hint, err)
}

// roomForBackup tells whether the disk can hold a copy of what is there and have
// left what the service needs.
func (p *Plugin) roomForBackup() error {
	var size int64
	trail, err := audit.Files(p.auditFile())
	for _, place := range append(trail, ledgerFile(p.cfg.DataDir), p.cfg.Server.StoreDir, filepath.Join(p.cfg.DataDir, "models")) {
		err = errors.Join(err, filepath.WalkDir(place, func(_ string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // it is not there, or goes away while the service runs
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				size += info.Size()
			}
			return nil
		}))
	}
	free, freeErr := disk.Free(p.cfg.DataDir)
	if err = errors.Join(err, freeErr); err != nil {
		return coded.New(CodeBackup, "make backup", "the free space of the data folder is unknown", err)
	}
	if free-size < p.cfg.MinFreeBytes {
		return coded.New(CodeBackup, "make backup", fmt.Sprintf(
			"a copy of %d MiB is made in the data folder first, where %d MiB are free and %d MiB must stay free", size>>20, free>>20, p.cfg.MinFreeBytes>>20), nil)
	}
	return nil
}

// ending is a writer that ends with a context.
type ending struct {
	ctx context.Context //nolint:containedctx // for as long as one copy takes
	to  io.Writer
}

func (e ending) Write(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.to.Write(p)
}

// copyInto copies a file, or its first bytes where limit is not negative.
func copyInto(w io.Writer, path string, limit int64) error {
	f, err := os.Open(path) //nolint:gosec // of the service, or named by its user
	if err != nil {
		return err
	}
	defer f.Close()
	if limit < 0 {
		_, err = io.Copy(w, f)
	} else {
		_, err = io.CopyN(w, f, limit)
	}
	return err
}

// stageAudit copies the files of the audit trail.
func (p *Plugin) stageAudit(put func(string, func(io.Writer) error) error) (err error) {
	trail := p.state().trail
	if trail == nil { // the service does not run
		if trail, err = audit.Open(p.auditFile()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, trail.Close()) }()
	}
	copies, err := trail.Copies()
	for _, c := range copies {
		if err == nil {
			err = put(c.Name, func(w io.Writer) error {
				_, err := io.Copy(w, c)
				return err
			})
		}
		err = errors.Join(err, c.Close())
	}
	return err
}

// answerBackup is what the control port does for [Backup].
func (p *Plugin) answerBackup(ctx context.Context, k *kept, r io.Reader) (m BackupManifest, err error) {
	var name string
	if err := json.NewDecoder(r).Decode(&name); err != nil || !strings.HasPrefix(name, stagingPrefix) || filepath.Base(name) != name {
		return m, coded.New(CodeSettings, "make backup", "a name is needed", err)
	}
	begin := time.Now()
	err = p.removeLeft()
	if err == nil {
		m, err = p.stage(ctx, k, p.state().own, filepath.Join(p.cfg.DataDir, name))
	}
	if err != nil {
		p.log.Error("no backup was made", "code", bus.ProblemOf(err).Code, "error", err)
		return m, err
	}
	p.log.Info("backup copied", "bytes", m.Bytes(), "held_up", time.Since(begin).Round(time.Millisecond))
	return m, nil
}

// removeLeft removes staging folders that were left where a command was killed. The
// others may be of commands that still copy them to their targets.
func (p *Plugin) removeLeft() error {
	staged, err := filepath.Glob(filepath.Join(p.cfg.DataDir, stagingPrefix+"*"))
	for _, path := range staged {
		if info, gone := os.Stat(path); gone == nil && time.Since(info.ModTime()) > stagingLimit {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}
