package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/plugin"
)

const backupHelp = `Copy what a service keeps: ledger, audit trail, the streams of its own bus, the
site's versions of models with its signing key, the users of the review page, the
passwords of the bus, and the settings file.

TARGET must not be there. It becomes a folder, or a tar file where its name ends
in .tar. A manifest has the length and the SHA-256 of every file. It holds what
only the data folder's owner may read: keep it as safe.

The service may run. It goes on with jobs and decisions when ledger and streams
are copied, which takes a second or so for some thousand results; the copy is of one moment.
It is made in the data folder first, which needs room for it. Streams of an external
broker are not in it. Files that settings name elsewhere (certificates, keys,
password files) and pictures of findings are not in it either.`

const restoreHelp = `Make the data folder of a service from a backup.

The data folder must be empty, or not there. It is filled only when every file
has been compared with the manifest, the ledger and the audit trail have been
read from end to end, and the streams have been made again. What came after the
backup is not in it: have jobs that were sent since then sent again. Only the
streams of an external broker have it: the first start takes results and decisions
that came after the backup from there.

The settings file is put into the data folder as settings.yaml.`

type backupOptions struct {
	outboxOptions
	site, users string
}

func newBackupCommand(g *globals) *cobra.Command {
	var o backupOptions
	cmd := newCommand("backup TARGET", "Copy what a service keeps, while it runs", backupHelp,
		`  nodulescope backup /backup/2026-05-04
  nodulescope backup /backup/2026-05-04.tar --config /etc/nodulescope/nodulescope.yaml`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runBackup(cmd.Context(), args[0], o, g, cmd.OutOrStdout())
		})
	o.register(cmd)
	siteFlag(cmd.Flags(), &o.site, "local", "`SITE` of a service that does not run")
	usersFlag(cmd.Flags(), &o.users)
	return cmd
}

func runBackup(ctx context.Context, target string, o backupOptions, g *globals, stdout io.Writer) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	more := map[string]string{
		"users.json": cmp.Or(o.users, plugin.UsersFile(folder)),
		accessName:   filepath.Join(folder, accessName),
	}
	if settings := cmp.Or(g.configPath, lookup(g.environ, envPrefix+"CONFIG")); settings != "" {
		more["settings.yaml"] = settings
	}
	m, err := plugin.Backup(ctx, plugin.Config{Site: o.site, DataDir: folder, Logger: g.log, Software: software()}, target, more)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Backup of %s, %.1f MB, in %s\n", counted(len(m.Files), "file"), float64(m.Bytes())/1e6, target)
	return describeStreams(stdout, m)
}

func describeStreams(w io.Writer, m plugin.BackupManifest) error {
	for _, s := range m.Streams {
		n, err := s.Messages()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  %-8s %s\n", s.Stream, counted(n, "message"))
	}
	if len(m.Streams) == 0 {
		fmt.Fprintln(w, "  no streams: they are the external broker's, which has a backup of its own")
	}
	return nil
}

func newRestoreCommand(g *globals) *cobra.Command {
	var o outboxOptions
	cmd := newCommand("restore BACKUP", "Make an empty data folder from a backup", restoreHelp,
		"  nodulescope restore /backup/2026-05-04.tar --data-dir /var/lib/nodulescope",
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runRestore(cmd.Context(), args[0], o, g, cmd.OutOrStdout())
		})
	o.register(cmd)
	return cmd
}

func runRestore(ctx context.Context, source string, o outboxOptions, g *globals, stdout io.Writer) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	m, err := plugin.Restore(ctx, plugin.Config{DataDir: folder, Logger: g.log}, source)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s is as it was at %s, site %s\n", folder, m.Time.Local().Format("2006-01-02 15:04:05"), m.Site)
	return describeStreams(stdout, m)
}
