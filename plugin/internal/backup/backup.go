// Package backup reads and writes backups of a service: files, and a manifest
// with their lengths and digests.
//
// # Layout
//
// A backup is a folder, or a tar file of the same files:
//
//	manifest.json     [Manifest]; written last in a folder, first in a tar file
//	ledger.db         results, work list, decisions, outbox
//	audit.jsonl       the audit trail
//	JOBS.stream ...   streams of the service's own bus, in the broker's format
//	models.tar        the site's versions of models, with its signing key
//	users.json, bus-access.json, settings.yaml
//
// No name has a folder. A file that the manifest does not name is refused, and so
// is one that is missing, or differs from what the manifest says of it.
package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// CodeDamaged is the code of a backup that is damaged or not whole.
const CodeDamaged coded.Code = "backup_damaged"

// Format is the version of the layout.
const Format = 1

// Names of files of a backup.
const (
	ManifestFile = "manifest.json"
	LedgerFile   = "ledger.db"
	AuditFile    = "audit.jsonl"
	SettingsFile = "settings.yaml"
	ModelsFile   = "models.tar"
)

// StreamFile is the name of the copy of a stream.
func StreamFile(stream string) string { return stream + ".stream" }

const maxManifestBytes = 4 << 20

// Manifest says what a backup holds.
type Manifest struct {
	Format   int            `json:"format"`
	Time     time.Time      `json:"time"`
	Software string         `json:"software"`
	Site     string         `json:"site"`
	Files    []File         `json:"files"`
	Streams  []bus.Snapshot `json:"streams,omitempty"` // none where the bus is external: it is backed up by its own means
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
}

// Bytes is how much all files hold.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// damaged is an error that says what is wrong with a backup.
func damaged(path, hint string, cause error) error {
	return &coded.Error{Code: CodeDamaged, Op: "read backup", Path: path, Hint: hint + ": take another backup", Err: cause}
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

// check refuses a manifest that is not of this version, or names what a backup
// cannot hold.
func (m Manifest) check() error {
	switch {
	case m.Format != Format:
		return fmt.Errorf("its format is %d, and this version reads %d", m.Format, Format)
	case bus.CheckSite(m.Site) != nil:
		return errors.New("it names no site")
	}
	seen := map[string]bool{ManifestFile: true}
	for _, f := range m.Files {
		if !fileName.MatchString(f.Name) || f.Bytes < 0 || seen[f.Name] {
			return errors.New("it names a file that cannot be, or one twice")
		}
		seen[f.Name] = true
	}
	for _, s := range m.Streams {
		if !slices.Contains(bus.Streams(), s.Stream) || !seen[StreamFile(s.Stream)] {
			return errors.New("it names a stream that is not there")
		}
	}
	if !seen[LedgerFile] || !seen[AuditFile] {
		return errors.New("it names no ledger or no audit trail")
	}
	return nil
}

// encode is the text of a manifest.
func (m Manifest) encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// ReadManifest reads the manifest of a folder.
func ReadManifest(folder string) (Manifest, error) {
	text, err := smallfile.Read(filepath.Join(folder, ManifestFile), maxManifestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, damaged(folder, "it has no manifest, so it is no backup, or one that did not end", nil)
	}
	if err != nil {
		return Manifest{}, damaged(folder, "its manifest cannot be read", err)
	}
	return decode(folder, text)
}

func decode(path string, text []byte) (m Manifest, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, damaged(path, "its manifest is no JSON", err)
	}
	if err := m.check(); err != nil {
		return m, damaged(path, "its manifest cannot be used", err)
	}
	return m, nil
}

// Create writes a file for its owner alone, synced, and says what it holds.
func Create(folder, name string, write func(io.Writer) error) (File, error) {
	f, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller's folder
	if err != nil {
		return File{}, err
	}
	counted := newCounter(f)
	err = write(counted)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return File{}, err
	}
	return counted.file(name), nil
}
