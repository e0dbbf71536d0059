// Package seriestest opens series that tests are made on.
package seriestest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// Named is a small series with a patient whose name no 7-bit character set can
// write.
func Named(t testing.TB) *dicomio.Series {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ct")
	checktest.Must(t, dicomtest.WriteSeries(dir, dicomtest.Named()))
	s, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	checktest.Must(t, err)
	return s
}
