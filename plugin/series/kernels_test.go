package series

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// TestPreferredKernelIsOpened: two reconstructions of one scan under one UID.
func TestPreferredKernelIsOpened(t *testing.T) {
	dir := t.TempDir()
	for i, kernel := range []string{"B30F", "B70F"} {
		plugintest.Must(t, dicomtest.WriteSeries(filepath.Join(dir, kernel), dicomtest.Spec{Edit: func(z int, set dicomtest.Elements) {
			set.Set(0x00080018, "UI", fmt.Sprintf("1.2.3.%d.%d", z, i))
			set.Set(0x00181210, "SH", kernel)
		}}))
	}
	uri, err := FileURI(dir)
	plugintest.Must(t, err)
	for _, kernel := range []string{"B30f", "B70f"} {
		s, err := Reader{Kernels: []string{kernel}}.Open(t.Context(), Place{URI: uri})
		plugintest.Must(t, err)
		for _, slice := range s.Slices {
			if filepath.Base(filepath.Dir(slice.Path)) != map[string]string{"B30f": "B30F", "B70f": "B70F"}[kernel] {
				t.Errorf("%s: %s", kernel, slice.Path)
			}
		}
	}
}
