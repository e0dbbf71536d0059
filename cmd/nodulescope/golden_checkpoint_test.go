package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoldenCheckpoints: files of detectors that an earlier build wrote are
// read, keep their digests and score the same. Most of their weights are zero,
// so that the files pack well; the detectors in the binary have real ones.
func TestGoldenCheckpoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	args := []string{"score", "scan", "--nodules", "scan/truth.json", "--json", "--device", "cpu"}
	for _, name := range []string{"vae.safetensors", "gan.safetensors"} {
		z, err := gzip.NewReader(strings.NewReader(readText(t, filepath.Join(goldenDir, name+".gz"))))
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(z)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--model", name)
	}
	goldenJSON(t, "checkpoints.json", []byte(goldenOutput(t, dir, args...)), "job_id")
}
