//go:build unix

package scale

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

var (
	scans  = flag.Int("scale-scans", 400, "`NUMBER` of series of a data set")
	drawn  = flag.Int("scale-drawn", 40, "`NUMBER` of these that are drawn; the others are copies under other names")
	matrix = flag.Int("scale-matrix", 256, "rows and columns of a slice")
)

// archive is series with results and decisions, two and three nodules in turn.
type archive struct {
	dir, results, reviews string
	nodules               int
}

// newArchive draws phantoms, has the binary score them, and copies them with other UIDs
// and patients up to a number of series.
func newArchive(b *testing.B, series, drawn, matrix int) *archive {
	b.Helper()
	root := b.TempDir()
	a := &archive{dir: filepath.Join(root, "ct"), results: filepath.Join(root, "results.jsonl"), reviews: filepath.Join(root, "reviews.jsonl")}
	var results, reviews bytes.Buffer
	for i := range min(drawn, series) {
		mm := phantom.DefaultPixelMM * phantom.DefaultMatrix / float64(matrix)
		p, err := phantom.Generate(phantom.Spec{Seed: uint64(i + 1), Slices: 60, Rows: matrix, SpacingMM: [3]float64{2.5, mm, mm}, Count: 2 + i%2})
		checktest.Must(b, err)
		first := filepath.Join(a.dir, strconv.Itoa(i))
		checktest.Must(b, p.WriteDICOM(b.Context(), first, nil))
		out, err := exec.CommandContext(b.Context(), *binary, "score", first, "--nodules", filepath.Join(first, phantom.TruthFile), "--detectors", "vae-ad", "--json").Output() //nolint:gosec // what is measured
		checktest.Must(b, err)
		var result bus.Result
		checktest.Must(b, json.Unmarshal(out, &result))
		out, err = json.Marshal(result) // on one line
		checktest.Must(b, err)
		for copied := i; copied < series; copied += drawn {
			as := bytes.Clone // the first is as it was drawn
			if copied != i {
				as = renamed(p, &result, copied)
				a.copy(b, first, filepath.Join(a.dir, strconv.Itoa(copied)), as)
			}
			results.Write(append(as(out), '\n'))
			for k, n := range result.Nodules {
				a.nodules++
				text, err := json.Marshal(bus.Review{Identity: result.Identity, NoduleID: n.ID, Verdict: []bus.Verdict{bus.Suspicious, bus.Benign}[k%2], Reviewer: "ann", Time: time.Unix(1e9, 0), Version: 1})
				checktest.Must(b, err)
				reviews.Write(append(as(text), '\n'))
			}
		}
	}
	checktest.Must(b, os.WriteFile(a.results, results.Bytes(), 0o600))
	checktest.Must(b, os.WriteFile(a.reviews, reviews.Bytes(), 0o600))
	return a
}

// renamed gives what is written of a scan the UIDs, patient and identity of a copy, which
// are as long.
func renamed(p *phantom.Phantom, r *bus.Result, copied int) func([]byte) []byte {
	var pairs [][2][]byte
	for _, name := range []string{p.StudyUID(), p.SeriesUID(), p.FrameOfReferenceUID(), r.Identity} {
		pairs = append(pairs, [2][]byte{[]byte(name), fmt.Appendf(nil, "%s%05d", name[:len(name)-5], copied)})
	}
	return func(content []byte) []byte {
		for _, pair := range pairs {
			content = bytes.ReplaceAll(content, pair[0], pair[1])
		}
		if at := bytes.Index(content, []byte("PHANTOM-")); at >= 0 {
			content = append(fmt.Appendf(bytes.Clone(content[:at]), "PHANTOM-%08d", copied), content[at+16:]...)
		}
		return content
	}
}

func (a *archive) copy(b *testing.B, from, to string, as func([]byte) []byte) {
	b.Helper()
	checktest.Must(b, os.MkdirAll(to, 0o750))
	files, err := filepath.Glob(filepath.Join(from, "*.dcm"))
	checktest.Must(b, err)
	for _, name := range files {
		content, err := os.ReadFile(name) //nolint:gosec // of this benchmark
		checktest.Must(b, err)
		checktest.Must(b, os.WriteFile(filepath.Join(to, filepath.Base(name)), as(content), 0o600))
	}
}

// build is the command that makes a data set in a folder.
func (a *archive) build(b *testing.B, dir string) *exec.Cmd {
	b.Helper()
	return exec.CommandContext(b.Context(), *binary, "dataset", "build", filepath.Join(dir, "site.npz"), "--series", a.dir, //nolint:gosec // what is measured
		"--results", a.results, "--reviews", a.reviews, "--key", filepath.Join(dir, "site.key"), "--json")
}

// BenchmarkDataset is the data set of 1,000 nodules in 400 series of 60 slices: time,
// memory and what it writes.
func BenchmarkDataset(b *testing.B) {
	needBinary(b)
	a := newArchive(b, *scans, *drawn, *matrix)
	for b.Loop() {
		dir := b.TempDir()
		cmd := a.build(b, dir)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		begin := time.Now()
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("%v\n%s", err, complaints.String())
		}
		took := time.Since(begin)
		var card struct {
			Counts struct{ Nodules, Series, Patients int }
		}
		checktest.Must(b, json.Unmarshal(out, &card))
		if card.Counts.Nodules != a.nodules || card.Counts.Series != *scans || card.Counts.Patients != *scans {
			b.Errorf("%+v of %d nodules in %d series", card.Counts, a.nodules, *scans)
		}
		written := int64(0)
		files, err := os.ReadDir(dir)
		checktest.Must(b, err)
		for _, f := range files {
			info, err := f.Info()
			checktest.Must(b, err)
			written += info.Size()
		}
		usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		b.Logf("%d nodules in %d series of 60 slices of %d²: %.0f s, %.0f s of processor time, %d MB of memory at most, %d MB written; load %s",
			card.Counts.Nodules, *scans, *matrix, took.Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), peakBytes(usage)>>20, written>>20, load())
	}
}

// peakBytes is the most memory that a process had, where the system counts it in KiB.
func peakBytes(u *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return u.Maxrss
	}
	return u.Maxrss << 10
}
