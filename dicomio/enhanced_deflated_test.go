package dicomio_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// oneFile is a PACS that holds one file.
type oneFile []byte

func (f oneFile) Image(context.Context, string) ([]byte, error) { return f, nil }

// TestEnhancedDeflated: a deflated multi-frame file is inflated once for all of its
// frames, on disk and from a PACS, however they are asked for.
func TestEnhancedDeflated(t *testing.T) {
	spec := phantomSpec
	spec.Slices, spec.Rows, spec.Cols = 96, 64, 64
	files, err := dicomtest.MakeEnhanced(shuffled(classic(t, spec)), dicomtest.Enhanced{Syntax: codec.Deflated})
	checktest.Must(t, err)
	dir := t.TempDir()
	checktest.Must(t, os.WriteFile(filepath.Join(dir, "a"), files[0], 0o600))
	id, err := dicomio.Identify(files[0])
	checktest.Must(t, err)
	if id.TransferSyntaxUID != codec.Deflated {
		t.Fatal(id.TransferSyntaxUID)
	}
	remote, err := dicomio.OpenRemote(t.Context(), []dicomio.Attributes{{
		0x00080016: {id.SOPClassUID}, 0x00080018: {id.SOPInstanceUID}, 0x00080060: {"CT"}, 0x0020000D: {id.StudyUID}, 0x0020000E: {id.SeriesUID},
	}}, id.SeriesUID, oneFile(files[0]), dicomio.Options{})
	checktest.Must(t, err)
	want := open(t, spec)
	for name, s := range map[string]*dicomio.Series{"disk": openAt(t, dir), "PACS": remote} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for z := range spec.Slices {
			_, err := s.HU(t.Context(), z, 1)
			checktest.Must(t, err)
		}
		runtime.ReadMemStats(&after)
		// 0.75 MiB of pixels; inflated for every frame up to its end they are 36.
		more := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d MiB in all", name, more>>20)
		if more > 16<<20 {
			t.Errorf("%s: %d frames cost %d MiB", name, spec.Slices, more>>20)
		}
		sameVolume(t, name, want, s)
	}
}
