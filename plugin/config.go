package plugin

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/internal/tracing"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// DefaultHTTPAddr is where the command serves health and metrics. The library
// serves none unless it is told to.
const DefaultHTTPAddr = "127.0.0.1:8087"

// Config sets up a plugin. Only Detectors is needed.
type Config struct {
	Site      string // whose jobs are taken, see bus.CheckSite; default "local"
	DataDir   string // of ledger, audit trail and embedded bus; default DefaultDataDir()
	Detectors []detector.Detector
	Outliner  *outline.Outliner // outlines every nodule; nil: none is outlined
	Rungs     *rungs.Rungs      // give outlined nodules their headline; nil: none has one

	// ModelVersion is the version of the model store that Detectors, Outliner and
	// Rungs are of; empty: of none. UseModels makes what scores of another one, which
	// is promoted while the plugin runs; nil: the plugin goes on with what it has.
	ModelVersion string
	UseModels    func(store.Set) (scoring.Models, error)

	Consent int // persons that it takes to change what scores, 1 or 2; default 1

	Software string // name and version that results carry; default "nodulescope"

	AllowedRoots  []string      // folders that jobs may name, with what lies below; empty: any
	PACS          []web.Options // DICOMweb servers that jobs may name; empty: none
	Kernels       []string      // convolution kernels to be preferred where a series has several; empty: none
	MaxPaddingPct float64       // see nodule.CutOptions; 0: its default

	// Bus names an external broker (URL) or a server of the host program
	// (Server). With neither, an embedded server is started with these
	// settings; its StoreDir is the folder bus of DataDir by default.
	Bus    bus.Options
	Server bus.ServerOptions
	Queue  bus.ConsumerOptions

	HTTPAddr string // host:port of health and metrics, port 0 for any; empty: none

	TracesURL string // collector of OpenTelemetry traces, OTLP over HTTP; empty: none are made

	Review ReviewConfig // the review page and its API; zero: none
	Send   SendConfig   // what goes to the PACS that have a store address

	Slots       int           // jobs worked on at once; default 1, for one uses every processor
	MaxAttempts int           // of one job, before it is put aside; default 5
	RetryDelay  time.Duration // before the second attempt, doubled for each after; default 10 s
	Quiet       time.Duration // without a change before a series counts as all there; 0: nothing is waited for
	QuietLimit  time.Duration // since the first look at a job, after which what is there is scored; default 2 min
	JobTimeout  time.Duration // of one attempt; default 30 min
	Grace       time.Duration // for what is in work when Run's context ends; default 20 s
	KeepResults time.Duration // how long the ledger remembers a result; default 400 days

	AuditFileBytes int64         // from which on the audit trail goes on in a new file; default 64 MiB
	KeepAudit      time.Duration // how long closed files of the audit trail are kept; 0: for ever

	Compute func() Compute // tells where the detectors compute; nil: on the processor

	MinFreeBytes int64 // below which the plugin is not ready; default 256 MiB

	Logger *slog.Logger // default: none
}

const maxSlots = 64

// withDefaults fills in what is zero.
func (c Config) withDefaults() (Config, error) {
	c.Site = orDefault(c.Site, "local")
	c.Software = orDefault(c.Software, "nodulescope")
	c.Slots, c.Consent = orDefault(c.Slots, 1), orDefault(c.Consent, 1)
	c.MaxAttempts = orDefault(c.MaxAttempts, 5)
	c.RetryDelay = orDefault(c.RetryDelay, 10*time.Second)
	c.QuietLimit = orDefault(c.QuietLimit, 2*time.Minute)
	c.JobTimeout = orDefault(c.JobTimeout, 30*time.Minute)
	c.Grace = orDefault(c.Grace, 20*time.Second)
	c.KeepResults = orDefault(c.KeepResults, 400*24*time.Hour)
	c.AuditFileBytes = orDefault(c.AuditFileBytes, 64<<20)
	c.MinFreeBytes = orDefault(c.MinFreeBytes, 256<<20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.DataDir == "" {
		dir, err := DefaultDataDir()
		if err != nil {
			return c, err
		}
		c.DataDir = dir
	}
	c.Server.StoreDir = orDefault(c.Server.StoreDir, filepath.Join(c.DataDir, "bus"))
	c.Server.Logger, c.Bus.Logger = c.Logger, c.Logger
	c.PACS = slices.Clone(c.PACS)
	for i := range c.PACS {
		c.PACS[i].Logger = orDefault(c.PACS[i].Logger, c.Logger)
	}
	return c, nil
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Validate returns an error with code settings_invalid (site_invalid for the
// site) that names the first setting that cannot be used. It opens nothing:
// what depends on the disk, the broker or a port is found by [Plugin.Run].
func (c Config) Validate() error {
	const op = "check settings"
	bad := func(format string, args ...any) error {
		return coded.New(CodeSettings, op, fmt.Sprintf(format, args...), nil)
	}
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	if err := bus.CheckSite(c.Site); err != nil {
		return err
	}
	if err := scoring.CheckDetectors(op, c.Detectors); err != nil {
		return err
	}
	for _, root := range c.AllowedRoots {
		if !filepath.IsAbs(root) {
			return bad("allowed folders must be absolute paths")
		}
	}
	if _, err := series.NewArchives(c.PACS...); err != nil {
		return err
	}
	switch {
	case c.Bus.URL != "" && c.Bus.Server != nil:
		return bad("name an external broker or a server of this program, not both")
	case !(c.MaxPaddingPct >= 0 && c.MaxPaddingPct <= 100):
		return bad("the padding limit is a share of 0 to 100 percent")
	case c.Slots < 1 || c.Slots > maxSlots:
		return bad("1 to %d jobs can be worked on at once", maxSlots)
	case c.Consent < 1 || c.Consent > 2:
		return bad("a promotion takes 1 person or 2")
	case c.MaxAttempts < 1 || c.MaxAttempts > 1000:
		return bad("a job has 1 to 1000 attempts")
	case c.RetryDelay < 0 || c.JobTimeout < time.Second || c.Grace < 0 || c.KeepResults < time.Hour:
		return bad("the times retry-delay and grace must not be negative, job-timeout at least 1 s, keep-results at least 1 h")
	case c.AuditFileBytes < 0 || c.KeepAudit < 0 || c.KeepAudit > 0 && c.KeepAudit < 24*time.Hour:
		return bad("a file of the audit trail has a size (audit-file-mib), and is kept (keep-audit) for a day at least, or for ever (0)")
	case c.Quiet < 0 || c.QuietLimit < c.Quiet:
		return bad("arrival-quiet must not be negative, and arrival-limit not shorter")
	case c.MinFreeBytes < 0:
		return bad("the free space that is needed must not be negative")
	case c.Bus.Streams.ModelsBytes < 0 || c.Bus.Streams.ModelsReplicas < 0 || c.Bus.Streams.ModelsReplicas > 5:
		return bad("the bucket of models has no negative size, and 1 to 5 replicas")
	case c.Bus.Streams.Replicas < 0 || c.Bus.Streams.Replicas > 5:
		return bad("streams have 1 to 5 replicas")
	case max(c.Bus.Streams.Replicas, c.Bus.Streams.ModelsReplicas) > 1 && c.Bus.URL == "" && c.Bus.Server == nil:
		return bad("a bus of its own is one server: replicas need a cluster")
	case c.Bus.URL == "" && c.Bus.Server == nil && c.Bus.Streams.Bytes() > orDefault(c.Server.MaxStoreBytes, bus.DefaultStoreBytes):
		return bad("the streams take %d MiB together, and a bus of its own holds %d MiB", c.Bus.Streams.Bytes()>>20, orDefault(c.Server.MaxStoreBytes, bus.DefaultStoreBytes)>>20)
	case c.HTTPAddr != "" && !strings.Contains(c.HTTPAddr, ":"):
		return bad("the address of health and metrics (listen) is host:port, such as %s", DefaultHTTPAddr)
	}
	if err := (tracing.Options{URL: c.TracesURL}).Check(); err != nil {
		return err
	}
	if err := c.Send.check(); err != nil {
		return err
	}
	return c.Review.check()
}

// DefaultDataDir is the folder for the plugin's state: nodulescope in
// XDG_STATE_HOME or ~/.local/state on Linux and the like, and in the user's
// configuration folder on Windows and macOS.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "nodulescope"), nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		if dir, err := os.UserConfigDir(); err == nil {
			return filepath.Join(dir, "nodulescope"), nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", coded.New(CodeSettings, "find data folder", "no home folder is known: name a data folder", err)
	}
	return filepath.Join(home, ".local", "state", "nodulescope"), nil
}

// Error says what was refused and what to do about it.
type Error = coded.Error

// Code names why a job, a nodule or a setting was refused. Codes are part of
// the message schema: they are never renamed.
type Code = coded.Code

// Codes of the service. Results and dead letters also carry those of scoring,
// series, dicomio, nodule and bus.
const (
	CodeSettings         Code = "settings_invalid"
	CodeBackup           Code = "backup_failed"
	CodeInternal              = coded.Internal
	CodeLedger                = ledger.CodeFailed
	CodeLedgerLocked          = ledger.CodeLocked  // another process has it open
	CodeLedgerDamaged         = ledger.CodeDamaged // it cannot be read, or not trusted
	CodeDeadlinePassed        = jobs.CodeDeadlinePassed
	CodeTimedOut              = jobs.CodeTimedOut // longer than Config.JobTimeout
	CodeRetriesExhausted      = jobs.CodeRetriesExhausted
)

// CodeOf returns the code of err, of any room, and "" where it carries none.
func CodeOf(err error) Code { return coded.CodeOf(err) }
