package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const (
	openWait      = 2 * time.Minute // without a sign of progress, for a store of no size; see openLimit
	maxOpenMemory = 2 << 30         // bytes by which the heap may grow meanwhile

	unopenedFile     = "unopened.json" // in the store folder
	maxUnopenedBytes = 64 << 10
)

// opening follows a server that opens its streams, by what it says in its log:
// one whose files are damaged can keep it busy for ever, or use up its memory.
type opening struct {
	mu      sync.Mutex
	last    time.Time // of the newest sign of progress
	begun   []string  // streams that are not open yet
	newest  string    // stream that was opened last: it may be at its consumers
	account map[string]string
}

var (
	beginsStream = regexp.MustCompile(`^\s*Starting restore for stream '(.+) > (.+)'$`)
	opensStream  = regexp.MustCompile(`^\s*Restored .* messages for stream '(.+) > (.+)' in `)
)

func newOpening() *opening { return &opening{last: time.Now(), account: map[string]string{}} }

// said takes a line of the server's log in.
func (o *opening) said(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = time.Now()
	if m := beginsStream.FindStringSubmatch(line); m != nil {
		o.begun, o.account[m[2]] = append(o.begun, m[2]), m[1]
	} else if m := opensStream.FindStringSubmatch(line); m != nil {
		o.begun = slices.DeleteFunc(o.begun, func(s string) bool { return s == m[2] })
		o.newest = m[2]
	}
}

// at tells which streams the server is at, by account and name, and since when.
func (o *opening) at() (streams []unopenedStream, since time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := o.begun
	if len(names) == 0 && o.newest != "" {
		names = []string{o.newest}
	}
	for _, name := range names {
		streams = append(streams, unopenedStream{Account: o.account[name], Name: name})
	}
	return streams, o.last
}

// openLimit is how long a server may open its store without a sign of progress:
// two minutes, and as much again for every GiB of files, which it may have to
// read from end to end.
func openLimit(storeDir string) time.Duration {
	var size int64
	_ = filepath.WalkDir(storeDir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil { // what cannot be seen has no size
			return nil //nolint:nilerr // as said
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return openWait + time.Duration(float64(openWait)*float64(size)/(1<<30))
}

// heapBytes is how much the objects of this process take.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// unopened is what a start that gave up leaves for the next one.
type unopened struct {
	Time    time.Time        `json:"time"`
	Streams []unopenedStream `json:"streams"`
}

type unopenedStream struct {
	Account string `json:"account"`
	Name    string `json:"name"`
}

// stuck is an error where opening takes longer than limit, or more memory than
// it may. It notes which streams the next start is to put aside.
func (o *opening) stuck(op, storeDir string, limit time.Duration, heap uint64) error {
	streams, since := o.at()
	var why string
	switch idle := time.Since(since); {
	case idle > limit:
		why = fmt.Sprintf("it has not gone on for %s", idle.Round(time.Second))
	case heapBytes() > heap+maxOpenMemory:
		why = fmt.Sprintf("it takes more than %d MiB of memory", maxOpenMemory>>20)
	default:
		return nil
	}
	if len(streams) == 0 {
		return coded.New(CodeStoreDamaged, op, "the store does not open: "+why+"; stop the service, move the folder of the store away, and start again: results come back from the ledger", nil)
	}
	note := unopened{Time: time.Now().UTC(), Streams: streams}
	text, err := json.Marshal(note)
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(storeDir, unopenedFile), 0o600, text)
	}
	return &coded.Error{
		Code: CodeStoreDamaged, Op: op, Path: filepath.Join(storeDir, unopenedFile), Err: err,
		Hint: "the stream " + note.names() + " does not open: " + why + "; the next start puts its files aside and makes it anew, unless you delete this note before",
	}
}

func (u unopened) names() string {
	var names []string
	for _, s := range u.Streams {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// putAside moves the streams that the last start could not open out of the
// server's sight, into a folder damaged-TIME of the store. aside is its name,
// "" where there are none.
func putAside(op, storeDir string) (names, aside string, err error) {
	fail := func(hint string, err error) (string, string, error) {
		return "", "", &coded.Error{Code: CodeServer, Op: op, Path: filepath.Join(storeDir, unopenedFile), Hint: hint, Err: err}
	}
	note := filepath.Join(storeDir, unopenedFile)
	text, err := smallfile.Read(note, maxUnopenedBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return fail("the note of streams that did not open cannot be read: look at it, then delete it", err)
	}
	var u unopened
	if err := json.Unmarshal(text, &u); err != nil {
		return fail("the note of streams that did not open cannot be read: look at it, then delete it", err)
	}
	aside = "damaged-" + u.Time.UTC().Format("20060102T150405")
	for _, s := range u.Streams {
		if filepath.Base(s.Account) != s.Account || filepath.Base(s.Name) != s.Name || !filepath.IsLocal(s.Account) || !filepath.IsLocal(s.Name) {
			return fail("the note of streams that did not open names no stream: look at it, then delete it", nil)
		}
		from := filepath.Join(storeDir, "jetstream", s.Account, "streams", s.Name)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) { // moved by a start that was interrupted
			continue
		}
		to := filepath.Join(storeDir, aside, s.Account)
		if err := os.MkdirAll(to, 0o700); err != nil {
			return fail("the files of a stream that did not open cannot be put aside", err)
		}
		if err := atomicfile.Rename(from, filepath.Join(to, s.Name)); err != nil {
			return fail("the files of a stream that did not open cannot be put aside", err)
		}
	}
	if err := os.Remove(note); err != nil {
		return fail("the note of streams that did not open cannot be deleted", err)
	}
	return u.names(), aside, nil
}
