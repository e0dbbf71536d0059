package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

const trainDeviceHelp = "`DEVICE` that trains: cpu, gpu, or one of 'nodulescope devices' such as cuda:0; weights differ by rounding"

// errDevice says that a training was ended because its device does not do it.
var errDevice = errors.New("the device does not train this")

// trainDevice is where a training runs, and nowhere else: who waits for a card
// should not find out after a night that the processor did the work.
type trainDevice struct {
	options compute.Options
	backend compute.Backend // that is to do everything; nil: the processor does
	setting string
	close   func()
}

// demand opens the device that the setting names. Only "auto" leaves the choice
// of the processor. The context ends where the device does not do all of it.
func (o *deviceFlag) demand(ctx context.Context, log *slog.Logger) (context.Context, trainDevice, error) {
	d := trainDevice{setting: o.setting, close: func() {}}
	if err := o.open(log); err != nil {
		return ctx, d, err
	}
	if o.backend == nil {
		if o.setting == gpu.CPU || o.setting == gpu.Auto || o.setting == "" {
			return ctx, d, nil
		}
		return ctx, d, usageError(fmt.Errorf("--device %s: %w", o.setting, errors.Join(errDevice, o.keeper.State().Err)), "see 'nodulescope devices --check', or train with --device cpu")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	d.backend = demanding{o.backend, cancel}
	d.options.Backends = cpu.List(d.backend)
	d.close = func() { cancel(nil) }
	return ctx, d, nil
}

// because is the error of a training, with the device's own where that ended it.
func (d trainDevice) because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if err == nil || !errors.Is(cause, errDevice) {
		return err
	}
	err = fmt.Errorf("--device %s: %w", d.setting, cause)
	if d.backend.Alive() {
		return usageError(err, "train with --device cpu, or with a smaller --batch, which needs less memory")
	}
	return &cliError{code: exitFailure, err: err, hint: "it failed; started again, the training goes on from its last epoch"}
}

// demanding is a back end that is to do everything.
type demanding struct {
	*gpu.Backend
	cancel context.CancelCauseFunc
}

// Failed implements compute.Backend.
func (d demanding) Failed(err error) {
	d.Backend.Failed(err)
	d.cancel(fmt.Errorf("%w: %w", errDevice, err))
}
