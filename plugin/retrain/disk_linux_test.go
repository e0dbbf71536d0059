package retrain

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// A disk that is full at a checkpoint ends the training with a code; with room it
// goes on.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=12m"); err != nil { // room for what is measured, not for the state of a network
		t.Skip("only root may mount a small disk: ", err)
	}
	t.Cleanup(func() { plugintest.Must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	o := options(t, load(t, nodules(140, 1)))
	o.Dir = filepath.Join(dir, "state")
	o.Settings.Epochs, o.Settings.Rates = 1, []float64{1e-3}
	p := plan(t, o)
	_, err := p.Run(t.Context())
	plugintest.WantCode(t, err, CodeWrite)
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("there is a candidate")
	}
	plugintest.Must(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, "size=200m"))
	_, err = p.Run(t.Context())
	plugintest.Must(t, err)
}
