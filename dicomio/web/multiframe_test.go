package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestOrthancGivesEnhancedCT: of multi-frame images Orthanc gives the volume of the
// single-frame ones that they were made of, also where
// each is larger than the cache.
func TestOrthancGivesEnhancedCT(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	opts := server.Options()
	opts.CacheBytes = 1
	client := connect(t, opts)
	for i, e := range []dicomtest.Enhanced{{}, {Parts: 3}, {Legacy: true}} {
		spec := dicomtest.Spec{Slices: 12, StudyUID: fmt.Sprintf("1.2.826.0.1.3680043.10.9.7.%d", i)}
		var images [][]byte
		for _, z := range []int{7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 4, 6} {
			b, err := dicomtest.Encode(spec, z)
			checktest.Must(t, err)
			images = append(images, b)
		}
		files, err := dicomtest.MakeEnhanced(images, e)
		checktest.Must(t, err)
		dir := t.TempDir()
		for k, b := range files {
			checktest.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.dcm", k)), b, 0o600))
		}
		store(t, server, client, dir, false)
		local := openLocal(t, dir)
		remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
		checktest.Must(t, err)
		same(t, local, remote)
		_, single := series(t, spec)
		sameHU(t, single, remote, 0, 12)
	}
}
