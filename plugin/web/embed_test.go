package web_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/plugin/web"
)

// sources are what the bundle is made of; `make web` lists the same.
var sources = []string{"index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "public", "src", "dist"}

const maxBundle = 6 << 20

// The bundle is that of the sources beside it, as `make web` last wrote it.
func TestBundleIsFresh(t *testing.T) {
	listed := map[string]string{}
	list, err := os.Open("bundle.sha256")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	for lines := bufio.NewScanner(list); lines.Scan(); {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			t.Fatalf("line %q is not of sha256sum", lines.Text())
		}
		listed[name] = sum
	}
	found := map[string]bool{}
	for _, root := range sources {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name := filepath.ToSlash(path)
			found[name] = true
			content, err := os.ReadFile(path) //nolint:gosec // a file of this folder
			if err != nil {
				return err
			}
			sum := sha256.Sum256(content)
			if listed[name] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s has changed since the page was built: run make web and commit what it writes", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range listed {
		if !found[name] {
			t.Errorf("%s is gone since the page was built: run make web and commit what it writes", name)
		}
	}
}

func TestFiles(t *testing.T) {
	page, err := fs.ReadFile(web.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	var names []string
	err = fs.WalkDir(web.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > maxBundle {
		t.Errorf("the page has %d bytes, at most %d are meant to be", size, maxBundle)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="\./([^"]+)"`).FindAllSubmatch(page, -1) {
		if name := string(m[1]); !slices.Contains(names, name) {
			t.Errorf("index.html names %s, which is not there", name)
		}
	}
}

// The policy of the service allows no inline script or style, and no host but
// its own.
func TestPageIsStrict(t *testing.T) {
	page, err := fs.ReadFile(web.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for what, pattern := range map[string]string{
		"an inline script":  `<script[^>]*>[^<\s]`,
		"an inline style":   `<style|\sstyle=`,
		"an event handler":  `\son\w+=`,
		"another host":      `(?:src|href)="(?:https?:)?//`,
		"an absolute place": `(?:src|href)="/`,
	} {
		if found := regexp.MustCompile(pattern).Find(bytes.ToLower(page)); found != nil {
			t.Errorf("index.html has %s: %s", what, found)
		}
	}
}
