package retrain

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/filelock"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// state is the folder that keeps what is done of a retraining.
type state struct {
	dir     string
	lock    *os.File
	created time.Time // of the first start
}

const (
	runFile  = "run.json"
	lockFile = "lock"
	maxState = 64 << 20
)

// began is what a state is of.
type began struct {
	Created time.Time       `json:"created"`
	Of      json.RawMessage `json:"of"`
}

// openState locks a state folder, which it makes, for the retraining that of
// describes. Another process gives CodeLocked, another retraining CodeState.
func openState(dir string, of any, now time.Time) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, writeError("make state folder", err)
	}
	s := &state{dir: dir}
	var err error
	if s.lock, err = filelock.Take(s.path(lockFile)); err != nil {
		return nil, refuse(CodeLocked, "retrain", "another retraining uses this state folder; wait for it, or name another --dir", err)
	}
	want, err := json.Marshal(of)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	var was began
	switch there, err := s.recall(runFile, &was); {
	case err != nil:
		return nil, errors.Join(err, s.close())
	case !there:
		was = began{Created: now.UTC().Truncate(time.Second), Of: want}
		if err := s.keep(runFile, was); err != nil {
			return nil, errors.Join(err, s.close())
		}
	case !bytes.Equal(compacted(was.Of), want):
		return nil, errors.Join(refuse(CodeState, "retrain", "the state folder is of a retraining with other data, models or settings; name another --dir, or remove this one", nil), s.close())
	}
	s.created = was.Created
	return s, nil
}

func compacted(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return nil
	}
	return out.Bytes()
}

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

func (s *state) close() error { return s.lock.Close() }

// remove deletes the folder and lets the lock go.
func (s *state) remove() error { return errors.Join(os.RemoveAll(s.dir), s.close()) }

// kept is a part of the state, with the digest of its bytes.
type kept struct {
	Digest string          `json:"digest"`
	Value  json.RawMessage `json:"value"`
}

// keep writes a part of the state.
func (s *state) keep(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if b, err = json.Marshal(kept{digest.Of(b), b}); err != nil {
		return err
	}
	return writeError("keep state", atomicfile.WriteBytes(s.path(name), 0o600, b))
}

// recall reads a part of the state, and tells whether it is there. What is damaged
// has CodeState.
func (s *state) recall(name string, v any) (bool, error) {
	b, err := smallfile.Read(s.path(name), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var k kept
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	if err == nil && digest.Of(k.Value) != k.Digest {
		err = errors.New("its digest is another one")
	}
	if err == nil {
		err = json.Unmarshal(k.Value, v)
	}
	if err != nil {
		return false, damaged(s.path(name), err)
	}
	return true, nil
}

func (s *state) has(name string) bool {
	_, err := os.Stat(s.path(name))
	return err == nil
}

// damaged says that a file of the state cannot be used.
func damaged(path string, err error) error {
	return refuse(CodeState, "go on with a retraining", "the file "+filepath.Base(path)+" of the state folder is damaged; remove that file to do its part again, or the whole folder", err)
}

// writeError is err, if any, with CodeWrite.
func writeError(op string, err error) error {
	if err == nil {
		return nil
	}
	return refuse(CodeWrite, op, "make room, or name folders that can be written; the same command goes on from the last state", err)
}
