package dicomio_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestEnhancedOfPixelMed: Legacy Converted Enhanced CT that PixelMed makes of a
// series, a real one where there is one, has its voxels.
func TestEnhancedOfPixelMed(t *testing.T) {
	const jar = "/usr/share/java/pixelmed.jar"
	if _, err := os.Stat(jar); err != nil {
		t.Skip("no PixelMed here")
	}
	dir := filepath.Join(t.TempDir(), "single")
	checktest.Must(t, dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 9, Unsigned: true, Intercept: -1024}))
	folders := []string{dir}
	if data := os.Getenv("NODULESCOPE_DATA"); data != "" {
		folders = append(folders, filepath.Join(data, "ct", "LIDC-IDRI-0001"))
	}
	for _, single := range folders {
		out := t.TempDir()
		dicomtest.Tool(t, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jar+":/usr/share/java/*", "com.pixelmed.dicom.MultiFrameImageFactory", single, out)
		want, got := openAt(t, single), openAt(t, out)
		if !dicomio.MultiFrame(got.Slices[0].SOPClassUID) {
			t.Fatal("nothing was converted")
		}
		a, err := want.LookAtPixels(t.Context(), false)
		checktest.Must(t, err)
		b, err := got.LookAtPixels(t.Context(), false)
		if err != nil || a.Digest != b.Digest || len(got.Warnings) > 0 || want.Geometry.SpacingMM != got.Geometry.SpacingMM || want.Geometry.Origin != got.Geometry.Origin {
			t.Errorf("%s: %v and %v (%v), %v", filepath.Base(single), a, b, err, got.Warnings)
		}
	}
}
