package plugin

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/backup"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	retrained "github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// Restore makes the data folder of a service from a backup. The folder must be
// empty, or not there; it is filled only when every digest, the ledger's pages,
// the audit trail's chain, and the streams on a server of their own have been
// found whole. Codes: backup_damaged, backup_failed where a file cannot be read or
// written, settings_invalid where the folder is not empty, and those of bus.Start.
func Restore(ctx context.Context, cfg Config, source string) (m BackupManifest, err error) {
	const op = "restore backup"
	if cfg, err = cfg.withDefaults(); err != nil {
		return m, err
	}
	entries, err := os.ReadDir(cfg.DataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, coded.New(CodeBackup, op, "the data folder cannot be read", err)
	}
	if len(entries) > 0 {
		return m, &coded.Error{Code: CodeSettings, Op: op, Path: cfg.DataDir, Hint: "the data folder is not empty: name another one, or move what is in it away"}
	}
	staging := filepath.Join(cfg.DataDir, restoringFolder)
	if err := os.MkdirAll(staging, 0o700); err != nil {
		return m, coded.New(CodeBackup, op, "the data folder cannot be written", err)
	}
	if m, err = backup.Unpack(source, staging); err == nil {
		err = openRestored(ctx, cfg, m, staging)
	}
	if err != nil {
		return m, errors.Join(wrapped(op, "the backup cannot be read, or the data folder not written", err), os.RemoveAll(staging))
	}
	if err := moveUp(staging, cfg.DataDir); err != nil {
		return m, coded.New(CodeBackup, op, "it did not end: empty the data folder, and restore again", err)
	}
	return m, nil
}

// restoringFolder is below the data folder while that is being restored.
const restoringFolder = ".restoring"

// checkRestored refuses a data folder whose restore did not end.
func checkRestored(dataDir string) error {
	if _, err := os.Stat(filepath.Join(dataDir, restoringFolder)); err == nil {
		return coded.New(CodeSettings, "open data folder", "its restore did not end: empty the folder, and restore again", nil)
	}
	return nil
}

// moveUp moves what is in a folder into the one above, the folder itself last.
func moveUp(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := atomicfile.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(from)
}

// openRestored reads what was unpacked as the service would, and makes the store
// of the bus of it.
func openRestored(ctx context.Context, cfg Config, m BackupManifest, folder string) (err error) {
	cfg.DataDir, cfg.Site = folder, m.Site
	cfg.Server.StoreDir, cfg.Server.DontListen = filepath.Join(folder, "bus"), true
	cfg.Server.SyncLater = true
	if err := checkAudit(folder, m); err != nil {
		return err
	}
	if err := restoreModels(folder); err != nil {
		return err
	}
	var opened closers
	defer opened.close(cfg.Logger)
	k, err := openKept(folder)
	if err != nil {
		return coded.New(backup.CodeDamaged, "restore backup", "its ledger cannot be used: take another backup", err)
	}
	opened.add(k.Close)
	if len(m.Streams) == 0 { // those of an external broker went on
		return k.Refill()
	}
	return restoreStreams(ctx, cfg, k.Ledger, m)
}

// restoreModels makes the folder of models of its copy, where the backup has one.
func restoreModels(folder string) error {
	path := filepath.Join(folder, backup.ModelsFile)
	f, err := os.Open(path) //nolint:gosec // just unpacked
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = retrained.Open(folder).Unpack(f)
	return errors.Join(err, f.Close(), os.Remove(path))
}

// restoreStreams has a server of its own, which is not synced at every message, make
// the streams, and syncs its store when it has ended.
func restoreStreams(ctx context.Context, cfg Config, l *ledger.Ledger, m BackupManifest) (err error) {
	var opened closers
	defer func() {
		opened.close(cfg.Logger)
		if err == nil {
			err = bus.SyncStore(cfg.Server.StoreDir)
		}
	}()
	server, err := bus.Start(ctx, cfg.Server)
	if err != nil {
		return err
	}
	opened.add(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		return server.Shutdown(ctx)
	})
	b, err := bus.Connect(ctx, bus.Options{Server: server, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	opened.add(func() error { b.Close(); return nil })
	now := map[string]bus.Holding{}
	for _, s := range m.Streams {
		path := filepath.Join(cfg.DataDir, backup.StreamFile(s.Stream))
		f, err := os.Open(path) //nolint:gosec // just unpacked
		if err != nil {
			return err
		}
		err = b.RestoreSnapshot(ctx, s, f)
		err = errors.Join(err, f.Close(), os.Remove(path))
		if errors.Is(err, bus.ErrSnapshotRefused) {
			return coded.New(backup.CodeDamaged, "restore backup", "a stream cannot be made of it: take another backup", err)
		}
		if err != nil {
			return err
		}
		if now[s.Stream], err = b.Holding(ctx, s.Stream); err != nil {
			return err
		}
	}
	return l.SetHoldings(m.Site, now)
}

// checkAudit reads the audit trail from end to end, and notes in it that it was
// restored.
func checkAudit(folder string, m BackupManifest) error {
	path := filepath.Join(folder, backup.AuditFile)
	files, err := audit.Files(path)
	if err != nil {
		return err
	}
	if _, _, err = audit.VerifyFiles(files, nil); err != nil {
		return coded.New(backup.CodeDamaged, "restore backup", "its audit trail is not whole: was that of the service? See 'nodulescope audit verify'", err)
	}
	trail, err := audit.Open(path)
	if err != nil {
		return err
	}
	err = trail.Append(audit.Record{Kind: audit.KindRestored, Detail: m.Time.UTC().Format(time.RFC3339), Software: m.Software})
	return errors.Join(err, trail.Close())
}
