package series

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func TestFileURIRoundTrip(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"plain", "with space", "per%20cent", "a#b?c", "Gefäß", "semi;colon&more"} {
		dir := filepath.Join(base, name)
		uri, err := FileURI(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := FolderOf(uri, nil)
		if err != nil || got != dir {
			t.Errorf("%s: %s → %s, %v", name, uri, got, err)
		}
		job := bus.Job{SeriesUID: "1.2", URI: uri, Nodules: []bus.JobNodule{}}
		if err := job.Check(); err != nil {
			t.Errorf("the bus refuses %s: %v", uri, err)
		}
	}
}

func TestFolderOfRefuses(t *testing.T) {
	for _, uri := range []string{
		"", "/plain/path", "https://host/x", "ftp://host/x", "file://host/x", "file://u:p@localhost/x",
		"file:relative", "file:///nul%00", "file:///line%0a", "file:///%zz", "s3://bucket/x", ":",
	} {
		_, err := FolderOf(uri, nil)
		plugintest.WantCode(t, err, CodeURIUnsupported)
		if uri != "" && uri != ":" && strings.Contains(err.Error(), uri) {
			t.Errorf("the error tells the URI: %v", err)
		}
	}
	if dir, err := FolderOf("file://localhost/a/../b", nil); err != nil || runtime.GOOS != "windows" && dir != "/b" {
		t.Error(dir, err)
	}
}

func TestAllowedFolders(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, secret := filepath.Join(base, "root"), filepath.Join(base, "root-secret")
	for _, dir := range []string{filepath.Join(root, "series"), secret} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	links := os.Symlink(secret, filepath.Join(root, "out")) == nil &&
		os.Symlink(filepath.Join(root, "series"), filepath.Join(base, "in")) == nil
	allowed := []string{filepath.Join(base, "elsewhere"), root}
	for path, ok := range map[string]bool{
		root:                                true,
		filepath.Join(root, "series"):       true,
		filepath.Join(root, "none", "yet"):  true,
		secret:                              false,
		filepath.Join(secret, "none"):       false,
		base:                                false,
		root + "/series/../../root-secret":  false,
		filepath.Join(root, "out"):          !links,
		filepath.Join(root, "out", "none"):  !links,
		filepath.Join(base, "in"):           links,
		filepath.Join(base, "in", "deeper"): links,
	} {
		_, err := FolderOf("file://"+filepath.ToSlash(path), allowed)
		if got := err == nil; got != ok {
			t.Errorf("%s: %v", strings.TrimPrefix(path, base), err)
		}
		if err != nil {
			plugintest.WantCode(t, err, CodeURIForbidden)
		}
	}
}

func FuzzFolderOf(f *testing.F) {
	for _, seed := range []string{"file:///a/b", "file://localhost/a/%2e%2e/b", "file:///../../etc", "file:////x", "http://x/y", "file:///%00"} {
		f.Add(seed)
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, uri string) {
		dir, err := FolderOf(uri, nil)
		if err != nil {
			plugintest.WantCode(t, err, CodeURIUnsupported)
			return
		}
		if !filepath.IsAbs(dir) || dir != filepath.Clean(dir) {
			t.Errorf("%q gives %q", uri, dir)
		}
		inside, err := FolderOf(uri, []string{root})
		if real, silent := resolve(root); err == nil && (silent != nil || !within(real, inside)) {
			t.Errorf("%q leaves the allowed folder: %q", uri, inside)
		}
	})
}
