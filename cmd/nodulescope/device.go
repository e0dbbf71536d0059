package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/plugin"
)

// deviceFlag says where scores are computed. It is a setting.
type deviceFlag struct {
	setting   string
	retry     time.Duration // before a device that failed is tried again; 0: it is not
	precision string        // of a card's products; "": float32

	use     func(*gpu.Backend) // is told every back end that is to be used; nil: nobody
	backend *gpu.Backend       // the first; nil: the processor
	keeper  *gpu.Keeper        // nil: the processor
	wanted  gpu.Device
	why     string // it is the processor, or this device
}

func (o *deviceFlag) register(f *pflag.FlagSet) {
	f.StringVar(&o.setting, "device", gpu.Auto, "`DEVICE` that computes: auto, cpu, gpu, or one of 'nodulescope devices' such as cuda:0")
	f.StringVar(&o.precision, "precision", string(gpu.Float32), "`HOW` a card multiplies: float32, or on tensor cores tf32x3, which is nearly float32, tf32 or bf16")
	markSettings(f, "device", "precision")
}

// registerRetry is for a command that lasts.
func (o *deviceFlag) registerRetry(f *pflag.FlagSet) {
	f.DurationVar(&o.retry, "device-retry", time.Minute, "`TIME` before a device that failed is tried again, doubling up to an hour; 0: never")
	markSettings(f, "device-retry")
}

// listDevices lists what the setting may be about. Where it leaves the choice
// and there is no file of a card, no driver's library is opened.
func (o *deviceFlag) listDevices() ([]gpu.Device, []gpu.Missing) {
	switch {
	case o.setting == gpu.CPU:
		return nil, nil
	case (o.setting == gpu.Auto || o.setting == "") && !gpu.CardsMayBe():
		return nil, []gpu.Missing{{API: "system", Reason: "it shows no graphics card"}}
	}
	return gpu.Devices()
}

// open chooses and opens the device. A device that is
// not there is an error where it was asked for; one that fails leaves the work
// to the processor, which the log says.
func (o *deviceFlag) open(log *slog.Logger) error {
	all, missing := o.listDevices()
	try, why, err := gpu.Choose(o.setting, all, missing)
	if errors.Is(err, gpu.ErrNoDevice) {
		return usageError(err, "see 'nodulescope devices', or leave --device auto")
	}
	if err != nil {
		return err
	}
	p := gpu.Precision(o.precision)
	if p == "" {
		p = gpu.Float32
	}
	if try, err = gpu.Able(try, p); err != nil {
		return usageError(err, "leave --precision float32")
	}
	o.why = why
	if len(try) == 0 {
		log.Debug("scores are computed on the processor", "setting", o.setting, "reason", why)
		return nil
	}
	o.wanted = try[0]
	use := o.use
	if use == nil {
		use = func(*gpu.Backend) {}
	}
	o.keeper = gpu.Keep(try, gpu.Options{Log: log, Precision: p}, gpu.Retry{Off: o.retry == 0, First: o.retry}, use)
	if o.backend = o.keeper.State().Backend; o.backend == nil {
		o.why = "no device could be used"
		log.Warn("scores are computed on the processor", "setting", o.setting, "reason", "no device could be used")
		return nil
	}
	d := o.backend.Device()
	log.Debug("scores are computed on a device", "device", d.ID(), "name", d.Name, "driver", d.Driver, "reason", why)
	return nil
}

// status is what /readyz and the metrics tell.
func (o *deviceFlag) status() plugin.Compute {
	c := plugin.Compute{Device: gpu.CPU, Precision: "float32"}
	if o.keeper == nil {
		return c
	}
	s, d := o.keeper.State(), o.wanted
	if s.Backend != nil {
		d = s.Backend.Device()
		c.MemoryBytes, c.Precision = s.Backend.Used(), s.Backend.Machine().Precision
	}
	c.Device, c.Name, c.Faults = d.ID(), d.Name, s.Faults
	if s.Err != nil {
		c.Fault = s.Err.Error()
	}
	if !s.Next.IsZero() {
		c.RetryAt = &s.Next
	}
	return c
}

// describe says where scores are computed, on one line.
func (o *deviceFlag) describe() string {
	if o.backend == nil {
		return fmt.Sprintf("cpu: %s", o.why)
	}
	d := o.backend.Device()
	return fmt.Sprintf("%s (%s, driver %s): %s", d.ID(), d.Name, d.Driver, o.why)
}
