package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

// TestTrainOnDevice: a tiny training on the first device, whatever it is, gives
// nearly the weights of the processor.
func TestTrainOnDevice(t *testing.T) {
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	var malignancy []uint8
	for i := range 24 {
		malignancy = append(malignancy, uint8(1+i%4/2*3))
	}
	data := writeCubes(t, malignancy)
	trained := func(device string) *detector.VAEAD {
		t.Helper()
		dir := t.TempDir()
		command(t, exitOK, "train", data, "--device", device, "--dir", dir, "--epochs", "1", "--batch", "4")
		d, err := detector.LoadVAEAD(filepath.Join(dir, "vae-ad.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	here, there := trained("cpu"), trained(all[0].ID())
	if here.Params().Digest() == there.Params().Digest() {
		t.Error("to the bit the weights of the processor: did the device train?")
	}
	for i, p := range here.Params() {
		var d, s float64
		for j, v := range p.Data {
			e := float64(v) - float64(there.Params()[i].Data[j])
			d, s = d+e*e, s+float64(v)*float64(v)
		}
		if d > 1e-4*s+1e-8 {
			t.Errorf("%s differs by %g of %g", p.Name, d, s)
		}
	}
	if _, stderr := command(t, exitUsage, "train", data, "--device", "opencl:99", "--dir", t.TempDir()); !strings.Contains(stderr, "opencl:99") {
		t.Errorf("%s", stderr)
	}
}

// TestTrainingNeedsItsDevice: what the device does not do ends a training, with
// the reason.
func TestTrainingNeedsItsDevice(t *testing.T) {
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	for name, setting := range map[string]string{"cpu": "cpu", "a device": all[0].ID()} {
		o := deviceFlag{setting: setting}
		ctx, d, err := o.demand(context.Background(), slog.New(slog.DiscardHandler))
		if err != nil || (d.backend == nil) != (name == "cpu") {
			t.Fatalf("%s: %v", name, err)
		}
		if ctx.Err() != nil || d.because(ctx, errPlain) != errPlain || d.because(ctx, nil) != nil { //nolint:errorlint // the same
			t.Errorf("%s: it has ended before it began", name)
		}
		if d.backend == nil {
			continue
		}
		d.backend.Failed(gpu.ErrMemory)
		err = d.because(ctx, context.Canceled)
		if ctx.Err() == nil || !errors.Is(err, errDevice) || !errors.Is(err, gpu.ErrMemory) || exitCode(context.Background(), err) != exitUsage {
			t.Errorf("%s: %v", name, err)
		}
		d.backend.Failed(gpu.ErrLost)
		if err = d.because(ctx, context.Canceled); exitCode(context.Background(), err) != exitFailure {
			t.Errorf("%s: lost: %v", name, err)
		}
		d.close()
	}
}

var errPlain = errors.New("an error of the training")
