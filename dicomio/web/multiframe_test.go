package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
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

// TestMultiFrameLimit: a multi-frame CT may be larger than other instances, up to its
// own limit; several that are asked for at once all come.
func TestMultiFrameLimit(t *testing.T) {
	var images [][]byte
	for z := range 12 {
		b, err := dicomtest.Encode(dicomtest.Spec{Slices: 12}, z)
		checktest.Must(t, err)
		images = append(images, b)
	}
	files, err := dicomtest.MakeEnhanced(images, dicomtest.Enhanced{})
	checktest.Must(t, err)
	for name, c := range map[string]struct {
		file        []byte
		image, many int64 // bytes that there may be more, negative: fewer, than the file has
		want        dicomio.Code
	}{
		"multi-frame":                  {files[0], -100, 0, ""},
		"multi-frame, at most less":    {files[0], -100, -1, dicomio.CodeLimit},
		"multi-frame, the lower limit": {files[0], 0, -100, ""},
		"a single frame":               {images[0], -100, 100, dicomio.CodeLimit},
		"zeros":                        {make([]byte, 5000), -100, 100, dicomio.CodeLimit},
	} {
		size := int64(len(c.file))
		client := faulty(t, func(o *web.Options) { o.MaxImageBytes, o.MaxMultiFrameBytes, o.Attempts = size+c.image, size+c.many, 1 },
			func(w http.ResponseWriter, _ *http.Request) { sendInstance(w, c.file) })
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				got, err := client.Instance(t.Context(), "1.2.3", "1.2.3.4", "1.2.3.4.5")
				if dicomio.CodeOf(err) != c.want || err == nil && !bytes.Equal(got, c.file) {
					t.Errorf("%s: %d of %d bytes, %v", name, len(got), size, err)
				}
			})
		}
		group.Wait()
	}
}
