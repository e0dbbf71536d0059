package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/disk"
)

const (
	writeTestFile  = ".write-test"
	writeTestBytes = 64 << 10
	writeTestEvery = 5 * time.Second // a success counts for as long
	healEvery      = 2 * time.Second
	healAtMost     = 10 * time.Minute // between two starts that did not help
)

// checkSpace tells whether more is free than must be: below that no jobs are
// taken, so that what is begun can be stored.
func (p *Plugin) checkSpace() error { return p.checkFree(p.cfg.MinFreeBytes) }

func (p *Plugin) checkFree(needed int64) error {
	const op = "check disk"
	free, err := disk.Free(p.cfg.DataDir)
	if err != nil {
		return coded.New(CodeSettings, op, "the free space of the data folder is unknown", err)
	}
	if free < needed {
		return coded.New(CodeSettings, op, fmt.Sprintf("%d MiB are free and %d MiB are needed; no jobs are taken until then", free>>20, needed>>20), nil)
	}
	return nil
}

// checkDisk also writes: a quota, or a disk that turned read-only, shows in
// nothing else. A success up to maxAge old counts.
func (p *Plugin) checkDisk(maxAge time.Duration) error {
	if err := p.checkSpace(); err != nil {
		return err
	}
	p.writeTest.Lock() // one file
	defer p.writeTest.Unlock()
	if time.Since(p.written) < maxAge { // a probe each second would wear the disk
		return nil
	}
	path := filepath.Join(p.cfg.DataDir, writeTestFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(make([]byte, writeTestBytes))
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(path))
	}
	if err != nil {
		p.written = time.Time{}
		return coded.New(CodeSettings, "check disk", "nothing can be written to the data folder: is the disk full, or read-only?", err)
	}
	p.written = time.Now()
	return nil
}

// heal starts the plugin's own bus server again where it has given a stream up
// and the disk can be written again. It does so until ctx ends. fail is called
// where that server hangs, which ends with the process alone.
func (p *Plugin) heal(ctx context.Context, fail func(error)) {
	server := p.state().own
	if server == nil {
		return
	}
	tick := time.NewTicker(healEvery)
	defer tick.Stop()
	again := backoff.Doubling{First: healEvery, Max: healAtMost}
	wait, next := time.Duration(0), time.Time{}
	for told := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := server.Health()
		if err == nil {
			told, wait, next = false, 0, time.Time{}
			continue
		}
		if full := p.checkDisk(0); full != nil {
			if !told {
				p.log.Error("the bus has given a stream up; it starts again when the disk is in order", "code", bus.ProblemOf(err).Code, "error", err, "disk", coded.Summary(full))
			}
			told = true
			continue
		}
		if time.Now().Before(next) { // a start did not help: others work on
			continue
		}
		wait = again.Next(wait)
		next = time.Now().Add(wait)
		p.log.Warn("the bus had given a stream up and is started again", "code", bus.ProblemOf(err).Code, "error", err)
		if err := server.Restart(ctx); err != nil {
			p.log.Error("the bus does not start again", "code", bus.ProblemOf(err).Code, "error", err)
			if bus.CodeOf(err) == bus.CodeStoreDamaged {
				fail(err)
				return
			}
		}
	}
}
