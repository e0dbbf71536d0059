package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/together"
)

// CodeFailed is the code of every error of this package.
const CodeFailed coded.Code = "audit_failed"

// Kinds of records.
const (
	KindScore  = "score"     // a result was made and is about to be published
	KindDead   = "dead"      // a job was put aside
	KindRepair = "recovered" // an unfinished last line was cut off at a start
	KindDamage = "damage"    // messages of a stream, or the ledger, were found damaged or gone; detail tells the stream and what became of it

	KindLogin       = "login"        // to the review page
	KindLoginFailed = "login_failed" // wrong password, or refused by the identity provider
	KindLogout      = "logout"
	KindView        = "view"     // somebody saw a list, a series or a finding
	KindDecision    = "decision" // somebody decided on a finding
	KindExport      = "export"   // somebody took the table of decisions

	KindRestored = "restored" // the data folder was made of a backup; detail tells of when

	KindSent = "sent" // a PACS has what was to be sent; detail tells the kind

	KindPromoted   = "promoted"    // other models score from now on; models are the digests of the sets before and after
	KindRolledBack = "rolled_back" // and the last promotion is taken back
	KindRequested  = "requested"   // the same was asked for, and waits for a second person
	KindWithdrawn  = "withdrawn"   // and is no longer asked for
	KindConsent    = "consent"     // detail tells how many persons a promotion takes from now on
	KindShadow     = "shadow"      // a candidate scores unseen from now on, or no more; models are the digests of the set in use and of the candidate

	KindForgotten = "forgotten" // an old file of the trail was removed; digest is that of its last line
)

// Record is one line of the audit trail. It names no patient and no UID:
// a result is named by its identity.
type Record struct {
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	Identity string    `json:"identity,omitempty"` // of a result
	Again    bool      `json:"again,omitempty"`    // published after a crash; it may have a record already
	Job      uint64    `json:"job,omitempty"`      // sequence in JOBS
	Codes    []string  `json:"codes,omitempty"`    // of a dead letter, or of the nodules that were refused
	Models   []string  `json:"models,omitempty"`   // digests
	Nodules  int       `json:"nodules,omitempty"`
	Disagree int       `json:"disagree,omitempty"` // nodules that some models flag and others do not
	Software string    `json:"software,omitempty"`
	Dropped  int       `json:"dropped,omitempty"`  // bytes of an unfinished line
	Lost     int       `json:"lost,omitempty"`     // messages that do not come back
	Restored int       `json:"restored,omitempty"` // messages that were put back

	User       string   `json:"user,omitempty"`       // of the review page
	Identities []string `json:"identities,omitempty"` // of the results that were seen in a list
	Finding    int      `json:"finding,omitempty"`    // number of the nodule in the result
	Decision   string   `json:"decision,omitempty"`
	Version    int      `json:"version,omitempty"`  // of the decision
	Detail     string   `json:"detail,omitempty"`   // what was seen, or how somebody signed in
	Forced     bool     `json:"forced,omitempty"`   // promoted although the gates did not allow it
	Reason     string   `json:"reason,omitempty"`   // that was given for a promotion
	Gate       string   `json:"gate,omitempty"`     // digest of the comparison that allowed a promotion
	Approved   string   `json:"approved,omitempty"` // the second person, where a promotion took two

	Digest  string `json:"digest,omitempty"`  // of the last line of a file that was removed
	Address string `json:"address,omitempty"` // of the browser that signed in or out, or tried to

	Prev string `json:"prev"` // hex SHA-256 of the line before, without its end
}

const (
	maxLine = 256 << 10
	noPrev  = "0000000000000000000000000000000000000000000000000000000000000000"
)

// Trail appends records to a file of JSON lines. Each holds the digest of the
// one before, so that a changed or missing line is seen by [Verify]; the
// end of the file can only be checked against a digest kept elsewhere. Every
// record is synced. The ledger's lock guards the file.
type Trail struct {
	// Observe, where set before the trail is used, is told of every record that
	// was stored.
	Observe func(Record)

	// FileBytes, set before the trail is used, is the size from which on a new file is begun;
	// 0: none is. The former is closed: see [Files].
	FileBytes int64

	records together.Queue[Record]

	mu   sync.Mutex
	path string
	file *os.File
	prev string
	size int64
}

// Open opens or makes a trail, and goes on behind its last whole line.
func Open(path string) (*Trail, error) {
	const op = "open audit trail"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, coded.New(CodeFailed, op, "the file cannot be opened", err)
	}
	a := &Trail{path: path, file: f, prev: noPrev}
	a.records.Do = a.write
	dropped, err := a.seek()
	if err == nil && dropped > 0 {
		err = a.Append(Record{Kind: KindRepair, Dropped: dropped})
	}
	if err != nil {
		return nil, errors.Join(coded.New(CodeFailed, op, "the file cannot be continued; keep it, and let the service start a new one in its place", err), f.Close())
	}
	return a, nil
}

// seek finds the end of the last whole line and cuts off what a crash left
// behind it: such a record was never relied on.
func (a *Trail) seek() (dropped int, err error) {
	info, err := a.file.Stat()
	if err != nil {
		return 0, err
	}
	tail := make([]byte, min(info.Size(), 2*maxLine))
	if _, err := a.file.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	end := bytes.LastIndexByte(tail, '\n') + 1
	if end == 0 && info.Size() > maxLine {
		return 0, fmt.Errorf("no line ends in the last %d bytes", len(tail))
	}
	dropped = len(tail) - end
	if a.size = info.Size() - int64(dropped); dropped > 0 {
		if err := a.file.Truncate(a.size); err != nil {
			return 0, err
		}
	}
	if a.size > 0 {
		start := bytes.LastIndexByte(tail[:end-1], '\n') + 1
		a.prev = lineDigest(tail[start : end-1])
		return dropped, nil
	}
	closed, err := closedFiles(a.path)
	if err != nil || len(closed) == 0 {
		return dropped, err
	}
	a.prev, _, err = lastLine(closed[len(closed)-1])
	return dropped, err
}

func lineDigest(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// Append writes one record; a zero Time is now. Records that come together share a
// sync.
func (a *Trail) Append(r Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now().UTC()
	}
	return a.records.Add(r)
}

// write stores records, or none of them.
func (a *Trail) write(records []Record) []error {
	const op = "write audit trail"
	a.mu.Lock()
	defer a.mu.Unlock()
	errs := make([]error, len(records))
	if err := a.turn(); err != nil {
		for i := range errs {
			errs[i] = coded.New(CodeFailed, op, "no new file can be begun", err)
		}
		return errs
	}
	var lines []byte
	prev := a.prev
	for i, r := range records {
		r.Prev = prev
		line, err := json.Marshal(r)
		if err == nil && len(line) >= maxLine {
			err = errors.New("record too long")
		}
		if err != nil {
			errs[i] = coded.New(CodeFailed, op, "the record cannot be written", err)
			continue
		}
		prev = lineDigest(line)
		lines = append(append(lines, line...), '\n')
	}
	_, err := a.file.WriteAt(lines, a.size)
	if err == nil {
		err = a.file.Sync()
	}
	if err != nil {
		// What was written in part is written over by the next records.
		err = coded.New(CodeFailed, op, "the record was not stored; is the disk full?", errors.Join(err, a.file.Truncate(a.size)))
	} else {
		a.prev, a.size = prev, a.size+int64(len(lines))
	}
	for i, r := range records {
		if errs[i] == nil {
			if errs[i] = err; err == nil && a.Observe != nil {
				a.Observe(r)
			}
		}
	}
	return errs
}

// Continued tells whether the trail holds records.
func (a *Trail) Continued() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.prev != noPrev
}

// Close closes the file.
func (a *Trail) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
