package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// comparison is what the store reads of a report of package gate.
type comparison struct {
	Candidate struct {
		Set string `json:"set"`
	} `json:"candidate"`
	Incumbent struct {
		Set string `json:"set"`
	} `json:"incumbent"`
	Allowed bool     `json:"allowed"`
	Reasons []string `json:"reasons"`
}

// comparisonFile is that of a set in the place of another.
func (s *Store) comparisonFile(candidate, incumbent string) string {
	h := digest.New()
	h.Text(candidate, incumbent)
	return filepath.Join(s.dir, "comparisons", h.Hex(16)+".json")
}

// KeepComparison keeps the report of a comparison, signed, in place of an earlier one
// of the same two sets.
func (s *Store) KeepComparison(report []byte) error {
	var c comparison
	if err := json.Unmarshal(report, &c); err != nil {
		return coded.New(CodeFailed, "keep comparison", "it is no report", err)
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	key, err := s.signingKey()
	if err != nil {
		return err
	}
	text, err := seal(key, forReport, json.RawMessage(report))
	if err == nil && len(text) > maxDescription {
		err = errors.New("too long")
	}
	if err != nil {
		return coded.New(CodeFailed, "keep comparison", "it cannot be written", err)
	}
	path := s.comparisonFile(c.Candidate.Set, c.Incumbent.Set)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return coded.New(CodeFailed, "keep comparison", "its folder cannot be made", err)
	}
	return writeFile(path, text)
}

// Comparison is the report that was kept of a set in the place of another; nil: there
// is none.
func (s *Store) Comparison(candidate, incumbent string) (report json.RawMessage, err error) {
	text, err := smallfile.Read(s.comparisonFile(candidate, incumbent), maxDescription)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	key, keyErr := s.Key()
	if err = errors.Join(err, keyErr); err == nil {
		_, err = unseal(text, forReport, &report, key)
	}
	var c comparison
	if err == nil {
		err = json.Unmarshal(report, &c)
	}
	if err == nil && (c.Candidate.Set != candidate || c.Incumbent.Set != incumbent) {
		err = errors.New("it is one of other sets")
	}
	if err != nil {
		return nil, coded.New(CodeDamaged, "read comparison", "it cannot be used: compare again", err)
	}
	return report, nil
}

// allowed is the digest of the report that lets a set score in the place of another.
// Without one that does the error has CodeNotCompared or CodeNotBetter.
func (s *Store) allowed(m Manifest, incumbent Promotion) (gate string, err error) {
	const op = "promote models"
	report, err := s.Comparison(m.Set, incumbent.Set)
	if err != nil {
		return "", err
	}
	if report == nil {
		return "", coded.New(CodeNotCompared, op, fmt.Sprintf("%s was not compared with %s, which scores now: run 'nodulescope models compare %[1]s'; --force --reason TEXT promotes all the same", m.Version, incumbent.Version), nil)
	}
	var c comparison
	if err := json.Unmarshal(report, &c); err != nil {
		return "", coded.New(CodeDamaged, op, "its comparison cannot be read: compare again", err)
	}
	if !c.Allowed {
		return "", coded.New(CodeNotBetter, op, "the gates do not allow it: "+Because(c.Reasons)+"; --force --reason TEXT promotes all the same", nil)
	}
	return digest.Of(report), nil
}

// Because is the first of the reasons of a refusal, and how many more there are.
func Because(reasons []string) string {
	if len(reasons) == 0 {
		return "its comparison gives no reason"
	}
	why := reasons[0]
	if more := len(reasons) - 1; more > 0 {
		why += fmt.Sprintf(" (and %d more, see 'nodulescope models show')", more)
	}
	return why
}
