package web_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
)

// TestFramesOfOrthanc: series in every transfer syntax give the values of their
// files, by one image and the frames of the others, or by images where that is
// what works.
func TestFramesOfOrthanc(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	for n, c := range []struct {
		name   string
		spec   dicomtest.Spec
		encode []string // with dcmtk
		whole  bool     // Orthanc 1.10 sends no frame of it, or one in another order
	}{
		{"implicit", dicomtest.Spec{Syntax: dicomtest.Implicit}, nil, false},
		{"explicit, unsigned, 12 bits", dicomtest.Spec{Unsigned: true, Bits: 12, Intercept: -1024}, nil, false},
		{"big endian", dicomtest.Spec{Syntax: dicomtest.BigEndian}, nil, true},
		{"deflated", dicomtest.Spec{Syntax: dicomtest.Deflated}, nil, true},
		{"RLE", dicomtest.Spec{Syntax: dicomtest.RLE}, nil, false},
		{"JPEG-LS", dicomtest.Spec{Unsigned: true, Bits: 12, Intercept: -1024}, []string{"dcmcjpls"}, false},
		{"JPEG lossless SV1", dicomtest.Spec{Unsigned: true, Bits: 12, Intercept: -1024}, []string{"dcmcjpeg"}, false},
		{"JPEG lossless", dicomtest.Spec{Unsigned: true, Bits: 12, Intercept: -1024}, []string{"dcmcjpeg", "+el"}, false},
	} {
		var log bytes.Buffer
		options := server.Options()
		options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		client := connect(t, options)
		c.spec.Slices, c.spec.StudyUID = 6, fmt.Sprintf("1.2.826.0.1.3680043.10.9.4.%d", n+1)
		dir, local := series(t, c.spec)
		if c.encode != nil {
			encodeFiles(t, dir, c.encode)
			local = openLocal(t, dir)
		}
		store(t, server, client, dir, false)
		remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{Workers: 1})
		if err != nil {
			t.Fatal(c.name, err)
		}
		for z := range 6 {
			sameHU(t, local, remote, z, 1)
		}
		whole, frames := strings.Count(log.String(), "fetch image"), strings.Count(log.String(), "fetch frame")
		if !(whole == 1 && frames == 6) && !(c.whole && whole == 6 && frames == 1) {
			t.Errorf("%s: %d images and %d frames fetched, want 1 and 6", c.name, whole, frames)
		}
	}
}

func encodeFiles(t *testing.T, dir string, command []string) {
	t.Helper()
	tool := orthanctest.LookPath(t, command[0])
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		cmd := exec.Command(tool, append(command[1:len(command):len(command)], "--uid-never", f, f)...) //nolint:gosec // this test
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// BenchmarkOrthanc reads a series from an Orthanc on this machine: all of its
// images, those that three cubes of 32 mm need, and the frames of these. It
// tells the bytes that came. NODULESCOPE_SERIES names the folder of the series.
func BenchmarkOrthanc(b *testing.B) {
	dir := os.Getenv("NODULESCOPE_SERIES")
	if dir == "" {
		b.Skip("NODULESCOPE_SERIES names no folder of a series")
	}
	server := orthanctest.Start(b, orthanctest.Settings{})
	options := server.Options()
	target, err := url.Parse(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	var frames bool
	var came atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		came.Add(r.ContentLength)
		return nil
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !frames && strings.Contains(r.URL.Path, "/frames/") {
			http.Error(w, "", http.StatusNotFound)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	local := openLocal(b, dir)
	client, err := web.New(options)
	if err != nil {
		b.Fatal(err)
	}
	for z := range local.Slices {
		file, err := local.File(b.Context(), z)
		if err == nil {
			_, err = client.Store(b.Context(), file)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	n := len(local.Slices)
	need := int(32/local.Geometry.SpacingMM[0]) + 2
	all, cubes := [][2]int{{0, n}}, [][2]int{{n / 5, need}, {n / 2, need}, {4 * n / 5, min(need, n/5)}}
	for _, c := range []struct {
		name   string
		frames bool
		ranges [][2]int
	}{{"all_images", false, all}, {"images_of_cubes", false, cubes}, {"frames_of_cubes", true, cubes}} {
		b.Run(c.name, func(b *testing.B) {
			frames = c.frames
			options.URL = front.URL + target.Path + strings.TrimPrefix(server.DICOMweb, server.URL)
			came.Store(0)
			for b.Loop() {
				client, err := web.New(options)
				if err != nil {
					b.Fatal(err)
				}
				s, err := client.Open(b.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range c.ranges {
					if _, err := s.HU(b.Context(), r[0], r[1]); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(came.Load())/float64(b.N)/(1<<20), "MiB/op")
		})
	}
}
