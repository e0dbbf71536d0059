package shadow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Codes of this package.
const (
	CodeFailed  coded.Code = "shadow_failed"  // a shadow run cannot be written or read
	CodeInvalid coded.Code = "shadow_invalid" // it cannot be started or stopped as asked
)

// Limits of a run.
const (
	MaxNodules = 20_000
	MaxDays    = 365

	largest    = 10 // changes of which the scan is kept
	maxRecords = 1 << 30
	maxLine    = 1 << 20
)

// Named is a version and the digest of its set.
type Named struct {
	Version string `json:"version"`
	Set     string `json:"set"`
}

// Run is what runs, or ran last.
type Run struct {
	Schema    int       `json:"schema"`
	Candidate Named     `json:"candidate"`
	Beside    Named     `json:"beside"` // what scored
	By        string    `json:"by"`     // who started it
	Started   time.Time `json:"started"`
	Nodules   int       `json:"nodules"` // after which it ends
	Days      int       `json:"days"`    // likewise
	Ended     time.Time `json:"ended,omitzero"`
	Why       string    `json:"why,omitempty"` // it ended

	Counts Counts `json:"counts"`
}

// Counts are those of a run.
type Counts struct {
	Series      int `json:"series"` // that were scored
	Nodules     int `json:"nodules"`
	Failed      int `json:"failed"`      // nodules that the candidate could not score, or the live models could not
	Dropped     int `json:"dropped"`     // series that came while too many waited, or waited when the service stopped
	Interrupted int `json:"interrupted"` // nodules that were given up because live jobs came too often
}

// Runs tells whether it goes on.
func (r *Run) Runs() bool { return r.Ended.IsZero() && r.Schema != 0 }

func (r *Run) check() error {
	switch {
	case r.Nodules < 1 || r.Nodules > MaxNodules || r.Days < 1 || r.Days > MaxDays:
		return coded.New(CodeInvalid, "start shadow run", fmt.Sprintf("it ends after 1 to %d nodules or 1 to %d days", MaxNodules, MaxDays), nil)
	case r.Candidate.Set == r.Beside.Set:
		return coded.New(CodeInvalid, "start shadow run", r.Candidate.Version+" scores now: there is nothing to compare", nil)
	}
	return nil
}

// Value is what one set says of a nodule.
type Value struct {
	Raw         float64  `json:"raw"`
	Probability *float64 `json:"probability"`
	Percentile  float64  `json:"percentile"`
	Flagged     bool     `json:"flagged"`
}

// Pair is one score of a nodule, by what is in use and by the candidate.
type Pair struct {
	Name   string `json:"name"` // of the detector, or "headline"
	Before Value  `json:"before"`
	After  Value  `json:"after"`
}

// moved is how far a score moved: in probability, or in percentile where there is none.
func (p *Pair) moved() float64 {
	if p.Before.Probability != nil && p.After.Probability != nil {
		return math.Abs(*p.After.Probability - *p.Before.Probability)
	}
	return math.Abs(p.After.Percentile-p.Before.Percentile) / 100
}

// Record is one nodule.
type Record struct {
	Time    time.Time `json:"time"`
	Result  string    `json:"result"`  // identity of the live result
	Finding int       `json:"finding"` // number of the nodule in it, from 1
	Pairs   []Pair    `json:"pairs"`
	Scan    []byte    `json:"scan,omitempty"` // [28,28,28], 255 is the top of the window of patches; where the change was large
}

// moved is the largest change.
func (r *Record) moved() (most float64) {
	for i := range r.Pairs {
		most = max(most, r.Pairs[i].moved())
	}
	return most
}

// Pairs are the scores that both sets have of a nodule.
func Pairs(before, after *bus.ResultNodule) (pairs []Pair) {
	for _, b := range before.Scores {
		for _, a := range after.Scores {
			if a.Model == b.Model {
				pairs = append(pairs, Pair{b.Model, Value{b.Raw, b.Probability, b.Percentile, b.Anomalous}, Value{a.Raw, a.Probability, a.Percentile, a.Anomalous}})
			}
		}
	}
	if b, a := before.Headline, after.Headline; b != nil && a != nil {
		of := func(h *bus.Headline) Value { p := h.Probability; return Value{h.Raw, &p, h.Percentile, h.Flagged} }
		pairs = append(pairs, Pair{"headline", of(b), of(a)})
	}
	return pairs
}

// Log writes a run. Its methods may be called by several goroutines.
type Log struct {
	dir string

	mu  sync.Mutex
	run Run
	top []float64 // largest changes so far, ascending
}

func folder(dataDir string) string { return filepath.Join(dataDir, "models", "shadow") }

func runFile(dir string) string     { return filepath.Join(dir, "run.json") }
func recordsFile(dir string) string { return filepath.Join(dir, "records.jsonl") }

func failed(op, hint string, cause error) error { return coded.New(CodeFailed, op, hint, cause) }

// Start begins a run in place of the one before, whose records are removed. The model
// store is locked meanwhile. One that still runs is refused with CodeInvalid.
func Start(dataDir string, r Run) (*Log, error) {
	const op = "start shadow run"
	if err := r.check(); err != nil {
		return nil, err
	}
	dir := folder(dataDir)
	was, err := readRun(dir)
	switch {
	case err != nil:
		return nil, err
	case was.Runs():
		return nil, coded.New(CodeInvalid, op, was.Candidate.Version+" is in the shadow already: end that with 'nodulescope models shadow --stop'", nil)
	}
	r.Schema, r.Started, r.Ended, r.Why, r.Counts = 1, time.Now().UTC().Truncate(time.Second), time.Time{}, "", Counts{}
	l := &Log{dir: dir, run: r}
	err = os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.Remove(recordsFile(dir))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failed(op, "its folder cannot be written", err)
	}
	return l, l.write()
}

// Open returns the run of a data folder; nil: none goes on.
func Open(dataDir string) (*Log, error) {
	dir := folder(dataDir)
	r, records, err := Read(dataDir)
	if err != nil || !r.Runs() {
		return nil, err
	}
	l := &Log{dir: dir, run: r}
	for i := range records {
		l.remember(records[i].moved())
	}
	return l, nil
}

func readRun(dir string) (r Run, err error) {
	text, err := smallfile.Read(runFile(dir), 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, failed("read shadow run", "remove the folder models/shadow of the data folder", err)
	}
	return r, nil
}

// Read returns the run of a data folder and its records; a Run of schema 0: there was
// none. An unfinished last line, of a crash, is left out.
func Read(dataDir string) (r Run, records []Record, err error) {
	dir := folder(dataDir)
	if r, err = readRun(dir); err != nil || r.Schema == 0 {
		return r, nil, err
	}
	text, err := smallfile.Read(recordsFile(dir), maxRecords)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil, nil
	}
	if err != nil {
		return r, nil, failed("read shadow run", "its records cannot be read", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var one Record
		if json.Unmarshal(lines.Bytes(), &one) == nil {
			records = append(records, one)
		}
	}
	return r, records, lines.Err()
}

// Run is what it says now.
func (l *Log) Run() Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.run
}

func (l *Log) write() error {
	text, err := json.MarshalIndent(l.run, "", "  ")
	if err == nil {
		err = atomicfile.WriteBytes(runFile(l.dir), 0o600, append(text, '\n'))
	}
	if err != nil {
		return failed("write shadow run", "is the disk full?", err)
	}
	return nil
}

// remember tells whether a change is among the largest so far.
func (l *Log) remember(moved float64) bool {
	if len(l.top) == largest && moved <= l.top[0] {
		return false
	}
	l.top = append(l.top, moved)
	slices.Sort(l.top)
	l.top = l.top[max(0, len(l.top)-largest):]
	return true
}

// Add keeps the nodules of a series, synced, and what became of it. scans has what is
// seen around each record, [28,28,28] 0..1, below 0 where there is no data. It tells
// whether the run is over by that.
func (l *Log) Add(records []Record, scans [][]float32, c Counts) (over bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.run.Runs() {
		return true, nil
	}
	var text []byte
	for i := range records {
		if l.remember(records[i].moved()) && scans[i] != nil {
			records[i].Scan = make([]byte, len(scans[i]))
			for v, x := range scans[i] {
				records[i].Scan[v] = uint8(255 * min(max(x, 0), 1))
			}
		}
		line, err := json.Marshal(records[i])
		if err != nil {
			return false, failed("write shadow run", "a score cannot be written", err)
		}
		text = append(append(text, line...), '\n')
	}
	if err := appendFile(recordsFile(l.dir), text); err != nil {
		return false, failed("write shadow run", "is the disk full?", err)
	}
	n := &l.run.Counts
	n.Series, n.Nodules, n.Failed = n.Series+c.Series, n.Nodules+len(records), n.Failed+c.Failed
	n.Dropped, n.Interrupted = n.Dropped+c.Dropped, n.Interrupted+c.Interrupted
	switch {
	case n.Nodules >= l.run.Nodules:
		l.end(fmt.Sprintf("%d nodules were scored", n.Nodules))
	case l.expired():
		l.end(fmt.Sprintf("%d days are over", l.run.Days))
	}
	return !l.run.Runs(), l.write()
}

func (l *Log) expired() bool {
	return time.Since(l.run.Started) >= time.Duration(l.run.Days)*24*time.Hour
}

// Over ends a run whose days are over.
func (l *Log) Over() (bool, error) { return l.Add(nil, nil, Counts{}) }

// End ends a run.
func (l *Log) End(why string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.run.Runs() {
		return nil
	}
	l.end(why)
	return l.write()
}

func (l *Log) end(why string) { l.run.Ended, l.run.Why = time.Now().UTC().Truncate(time.Second), why }

func appendFile(path string, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
