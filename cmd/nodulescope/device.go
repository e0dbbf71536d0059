package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu/driver"
	"github.com/nodulescope/nodulescope/plugin"
)

// deviceFlag says where scores are computed. It is a setting.
type deviceFlag struct {
	setting string
	backend *gpu.Backend // nil: the processor
	failed  string       // why the device that was chosen is not used
	wanted  driver.Device
	why     string // it is the processor, or this device
}

func (o *deviceFlag) register(f *pflag.FlagSet) {
	f.StringVar(&o.setting, "device", gpu.Auto, "`DEVICE` that computes: auto, cpu, gpu, or one of 'nodulescope devices' such as cuda:0")
	markSettings(f, "device")
}

// listDevices lists what the setting may be about. Where it leaves the choice
// and there is no file of a card, no driver's library is opened.
func (o *deviceFlag) listDevices() ([]driver.Device, []driver.Missing) {
	switch {
	case o.setting == gpu.CPU:
		return nil, nil
	case (o.setting == gpu.Auto || o.setting == "") && !driver.CardsMayBe():
		return nil, []driver.Missing{{API: "system", Reason: "it shows no graphics card"}}
	}
	return driver.List()
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
	o.why = why
	if len(try) == 0 {
		log.Debug("scores are computed on the processor", "setting", o.setting, "reason", why)
		return nil
	}
	o.wanted = try[0]
	if o.backend, err = gpu.OpenFirst(try, gpu.Options{Log: log}); err != nil {
		o.failed, o.why = err.Error(), "no device could be used"
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
	switch {
	case o.backend != nil:
		d := o.backend.Device()
		c.Device, c.Name, c.MemoryBytes = d.ID(), d.Name, o.backend.Used()
		if err := o.backend.Err(); err != nil {
			c.Fault = err.Error()
		}
	case o.failed != "":
		c.Device, c.Name, c.Fault = o.wanted.ID(), o.wanted.Name, o.failed
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
