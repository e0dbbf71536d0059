package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// TestDevices lists the processor and what else there is, and checks it.
func TestDevices(t *testing.T) {
	out, _ := command(t, exitOK, "devices", "--check", "--json")
	var r deviceReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Use == "" || r.Why == "" || len(r.Processor.Kernels) == 0 || len(r.Devices)+len(r.Missing) < 2 {
		t.Errorf("%s", out)
	}
	for _, d := range r.Devices {
		if d.Check != "ok" {
			t.Errorf("%s fails the check: %s", d.ID, d.Check)
		}
		if d.Type == gpu.CPU && r.Use == d.ID {
			t.Error("a processor in disguise is used unasked")
		}
	}
	if out, _ = command(t, exitOK, "devices"); !strings.Contains(out, "DEVICE") || !strings.Contains(out, "because") {
		t.Errorf("%s", out)
	}
	if _, stderr := command(t, exitUsage, "devices", "--device", "cuda:99"); !strings.Contains(stderr, "auto") {
		t.Errorf("%s", stderr)
	}
}

// TestDeviceFlag: where scores are computed follows from the setting, and is
// told.
func TestDeviceFlag(t *testing.T) {
	var log bytes.Buffer
	o := deviceFlag{setting: "cpu"}
	if err := o.open(slog.New(slog.NewTextHandler(&log, nil))); err != nil || o.backend != nil || o.status().Device != "cpu" || !strings.Contains(o.describe(), "cpu: the setting") {
		t.Errorf("%v %+v %s", err, o.status(), o.describe())
	}
	o = deviceFlag{setting: "opencl:99"}
	if err := o.open(slog.Default()); exitCode(t.Context(), err) != exitUsage {
		t.Errorf("a device that is not there gives %v", err)
	}
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	log.Reset()
	o = deviceFlag{setting: all[0].ID()}
	if err := o.open(slog.New(slog.NewTextHandler(&log, nil))); err != nil || o.backend == nil {
		t.Fatal(err)
	}
	defer o.backend.Close()
	if s := o.status(); s.Device != all[0].ID() || s.Name == "" || s.Fault != "" || !strings.Contains(o.describe(), s.Name) {
		t.Errorf("%+v %s", s, o.describe())
	}
	o.backend.Failed(gpu.ErrLost)
	if s := o.status(); s.Fault == "" || s.Faults != 1 || s.RetryAt != nil || !strings.Contains(log.String(), "all work goes to the processor") {
		t.Errorf("%+v %s", s, log.String())
	}
}

// TestDeviceRetry: after a fault the processor scores, and then the device
// again, opened afresh, with the scores that it gave before.
func TestDeviceRetry(t *testing.T) {
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	ds, err := loadDetectors([]string{testModel(t)})
	if err != nil {
		t.Fatal(err)
	}
	p := nodule.Patch{Voxels: make([]float32, nodule.PatchVoxels), Support: make([]float32, nodule.PatchVoxels)}
	for i := range p.Voxels {
		p.Voxels[i], p.Support[i] = float32(i%997)/1000, 1
	}
	score := func() detector.Score {
		t.Helper()
		s, err := ds[0].Score(t.Context(), []nodule.Patch{p})
		if err != nil {
			t.Fatal(err)
		}
		return s[0]
	}
	used, goOn := make(chan *gpu.Backend, 2), make(chan struct{}, 1)
	o := deviceFlag{setting: all[0].ID(), retry: time.Millisecond, use: func(b *gpu.Backend) {
		<-goOn
		detector.Place(ds, b)
		used <- b
	}}
	goOn <- struct{}{}
	if err := o.open(slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer o.keeper.Close()
	first, before := <-used, score()
	first.Failed(gpu.ErrLost)
	if s := score(); before.Machine.Device != all[0].ID() || s.Machine.Device != "cpu" {
		t.Errorf("computed by %v, after the fault by %v", before.Machine, s.Machine)
	}
	goOn <- struct{}{}
	if second := <-used; second == first || !second.Alive() {
		t.Error("the device that failed is used again as it is")
	}
	if s := o.status(); s.Fault != "" || s.Faults != 1 || s.RetryAt != nil {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff(before, score()); d != "" {
		t.Errorf("on the device again (-before +after):\n%.500s", d)
	}
	if _, stderr := command(t, exitUsage, "serve", "--check-config", "--device", "cpu", "--device-retry", "-1s"); !strings.Contains(stderr, "device-retry") {
		t.Errorf("%s", stderr)
	}
}
