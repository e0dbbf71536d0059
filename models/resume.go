package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// saved is the state that an earlier start of a training left.
type saved struct {
	path   string
	header Header
	params Params
}

// savedState reads the state of a folder, which it makes, and the settings of
// the start that left it. It returns nil where there is none, and where no
// folder is named.
func savedState[T any](dir, name string) (s *saved, settings T, err error) {
	if dir == "" {
		return nil, settings, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return nil, settings, fmt.Errorf("models: resume: %w", err)
	}
	s = &saved{path: filepath.Join(dir, name)}
	if s.header, s.params, err = Load(s.path); errors.Is(err, fs.ErrNotExist) {
		return nil, settings, nil
	}
	if err != nil {
		return nil, settings, fmt.Errorf("models: resume: %w; remove it to start again", err)
	}
	if err := json.Unmarshal(s.header.Training, &settings); err != nil {
		return nil, settings, s.unusable(err)
	}
	return s, settings, nil
}

// of tells whether the state is of a run of that kind, data and number of
// training samples.
func (s *saved) of(kind string, run Header, samples int) bool {
	h := s.header
	return h.Kind == kind && h.DataDigest == run.DataDigest && h.Parent == run.Parent && h.Preprocessing == run.Preprocessing && h.Metrics["train_samples"] == float64(samples)
}

// count is a number that the state holds.
func (s *saved) count(name string) int { return int(s.header.Metrics[name]) }

func (s *saved) unusable(err error) error {
	return marked{fmt.Errorf("models: resume from %s: %w", s.path, err), ErrState}
}

// foreign says that the state is of another run; differs names what may.
func (s *saved) foreign(differs string) error {
	return marked{fmt.Errorf("models: %s is the state of another run (%s differ): choose another folder or remove it", s.path, differs), ErrState}
}
