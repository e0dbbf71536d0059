package main

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/detector"
)

// TestZeroIsNotTheDefault: a 0 that packages would take their default for is
// refused.
func TestZeroIsNotTheDefault(t *testing.T) {
	for _, line := range []string{
		"train none.npz --epochs 0", "train none.npz --batch 0", "train none.npz --rate 0", "train none.npz --split-seed 0",
		"evaluate none.npz --split-seed 0", "experiment nodules --out run --detector wgan --data none.npz --ship 0",
		"phantom dir --slice-spacing 0", "serve --workers 0", "serve --max-attempts 0", "serve --job-timeout 0", "serve --review-idle 0",
		"serve --review-lifetime 0",
	} {
		args := strings.Fields(line)
		flag := args[len(args)-2]
		_, stderr := command(t, exitUsage, args...)
		if !strings.Contains(stderr, flag+" 0") || !strings.Contains(stderr, "give a value above 0") {
			t.Errorf("%s: %s", line, stderr)
		}
	}
	if _, stderr := command(t, exitUsage, "serve", "--pacs", "https://pacs.example/dicom-web timeout=0s"); !strings.Contains(stderr, "timeout: must be above 0") {
		t.Errorf("%s", stderr)
	}
	for _, line := range []string{"train none.npz --clip -1", "train none.npz --kl-weight -1", "watch-folder . --quiet -1s", "phantom dir --noise -1"} {
		if _, stderr := command(t, exitUsage, strings.Fields(line)...); !strings.Contains(stderr, "give a value of at least 0") {
			t.Errorf("%s: %s", line, stderr)
		}
	}
}

// TestZeroOfServeIsZero: no delay and no grace are what they say.
func TestZeroOfServeIsZero(t *testing.T) {
	for _, test := range []struct {
		args         []string
		delay, grace time.Duration
	}{
		{nil, 10 * time.Second, 20 * time.Second},
		{[]string{"--retry-delay", "0", "--grace", "0"}, time.Nanosecond, time.Nanosecond},
	} {
		var o serveOptions
		f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(append(test.args, "--device", "cpu")); err != nil {
			t.Fatal(err)
		}
		cfg, err := o.config(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if cfg.RetryDelay != test.delay || cfg.Grace != test.grace {
			t.Errorf("%v: a delay of %s and a grace of %s", test.args, cfg.RetryDelay, cfg.Grace)
		}
	}
}

// TestTrainWithoutClipAndKL: 0 switches both off, and the detector says so.
func TestTrainWithoutClipAndKL(t *testing.T) {
	var malignancy []uint8
	for i := range 24 {
		malignancy = append(malignancy, uint8(1+i%4/2*3))
	}
	dir := t.TempDir()
	command(t, exitOK, "train", writeCubes(t, malignancy), "--dir", dir, "--epochs", "1", "--batch", "4", "--clip", "0", "--kl-weight", "0")
	d, err := detector.LoadVAEAD(filepath.Join(dir, "vae-ad.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Clip     float64 `json:"clip"`
		KLWeight float64 `json:"kl_weight"`
	}
	if err := json.Unmarshal(d.Header().Training, &s); err != nil {
		t.Fatal(err)
	}
	if s.Clip != 0 || s.KLWeight != 0 {
		t.Errorf("trained with clip %g and KL weight %g", s.Clip, s.KLWeight)
	}
}
