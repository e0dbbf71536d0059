package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// A decision that changes after the build is seen, and so is a file that was
// changed.
func TestCheck(t *testing.T) {
	s := newSite(t)
	r := s.add(ann, "1", [3]float64{})
	s.decide(r, 0, "r", bus.Suspicious, "", 1)
	path := filepath.Join(t.TempDir(), "site.npz")
	plugintest.Must(t, s.build().Save(path))
	if d, err := Check(path, s.plan()); err != nil || d.Any() {
		t.Fatalf("%+v, %v", d, err)
	}
	s.decide(r, 0, "r", bus.Unsure, "", 2)
	if d, err := Check(path, s.plan()); err != nil || len(d.Input) != 1 || len(d.Files) != 0 || !strings.Contains(d.Input[0], "decisions: 1 then, 2 now") {
		t.Errorf("%+v, %v", d, err)
	}
	plugintest.Must(t, os.WriteFile(FilesOf(path).Table, nil, 0o600))
	plugintest.Must(t, os.Remove(FilesOf(path).Masks))
	if d, err := Check(path, nil); err != nil || len(d.Files) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	other := newSite(t)
	other.in = s.in
	_, err := Check(path, other.plan())
	plugintest.WantCode(t, err, CodeKey)
	plugintest.Must(t, os.WriteFile(FilesOf(path).Card, []byte("{"), 0o600))
	_, err = Check(path, nil)
	plugintest.WantCode(t, err, CodeChanged)
}
