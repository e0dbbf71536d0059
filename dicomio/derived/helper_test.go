package derived

import (
	"context"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// result is what objects are made of.
type result struct {
	Object
	ids     []string
	sources []dicomio.ImagePoint
}

// testResult is a result on a small series with a patient whose name no 7-bit
// character set can write.
func testResult(t testing.TB) result {
	t.Helper()
	s := seriestest.Named(t)
	h, err := sr.HeaderOf(context.Background(), s)
	checktest.Must(t, err)
	r := result{
		Object: Object{Identity: "sha256:5c60f10839e5db38", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: h},
		ids:    []string{"n1", "Knoten 2 – λ"},
	}
	for _, voxel := range [][3]float64{{3.2, 20, 10}, {8, 3, 30}} {
		at, ok := s.OnImage(s.Geometry.ToLPS(voxel))
		if !ok {
			t.Fatalf("voxel %v is on no image", voxel)
		}
		r.sources = append(r.sources, at)
	}
	return r
}

func writeFile(t testing.TB, b []byte) string {
	t.Helper()
	return checktest.WriteFile(t, "object.dcm", b)
}
