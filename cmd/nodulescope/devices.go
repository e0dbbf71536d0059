package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

const devicesHelp = `List the devices that can compute scores, and which one is used.

A graphics card is used through the driver that is installed: CUDA through
NVIDIA's, any other through OpenCL. No toolkit is needed. With --device auto, the
default of serve, score and evaluate, the first suitable card is used; OpenCL on
the processor (PoCL) is used only where it is named. With --check every device
is opened and computes a small network, which the processor computes too: that
shows whether its driver works, and takes a while the first time.`

// deviceReport is what `devices --json` prints.
type deviceReport struct {
	Setting   string          `json:"setting"`
	Use       string          `json:"use"` // "cpu" or the id of a device
	Why       string          `json:"why"`
	Processor processorReport `json:"processor"`
	Devices   []deviceRow     `json:"devices"`
	Missing   []gpu.Missing   `json:"missing,omitempty"`
}

type processorReport struct {
	Kernels    []string `json:"kernels"` // the fastest first
	Processors int      `json:"processors"`
}

type deviceRow struct {
	ID string `json:"id"`
	gpu.Device
	Fit     bool   `json:"fit"` // auto may take it
	Refused string `json:"refused,omitempty"`
	Check   string `json:"check,omitempty"` // "ok" or what is wrong
}

func newDevicesCommand(*globals) *cobra.Command {
	var o deviceFlag
	var asJSON, check bool
	cmd := newCommand("devices", "List the devices that can compute scores, and which is used", devicesHelp,
		"  nodulescope devices\n  nodulescope devices --check --json",
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			r, err := reportDevices(o, check)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.write(cmd.OutOrStdout())
		})
	o.register(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "open every device and compare what it computes with the processor")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func reportDevices(o deviceFlag, check bool) (*deviceReport, error) {
	all, missing := gpu.Devices()
	try, why, err := gpu.Choose(o.setting, all, missing)
	if err != nil {
		return nil, usageError(err, "name one of 'nodulescope devices', or auto, cpu or gpu")
	}
	r := &deviceReport{Setting: o.setting, Use: gpu.CPU, Why: why, Devices: []deviceRow{}, Missing: missing,
		Processor: processorReport{cpu.Names(), runtime.NumCPU()}}
	if len(try) > 0 {
		r.Use = try[0].ID()
	}
	for _, d := range all {
		row := deviceRow{ID: d.ID(), Device: d, Refused: gpu.Refused(d)}
		row.Fit = row.Refused == ""
		if check {
			row.Check = "ok"
			if b, err := gpu.OpenFirst([]gpu.Device{d}, gpu.Options{Precision: gpu.Precision(o.precision)}); err != nil {
				row.Check = err.Error()
			} else {
				b.Close()
			}
		}
		r.Devices = append(r.Devices, row)
	}
	return r, nil
}

func (r *deviceReport) write(w io.Writer) error {
	var rows [][]string
	note := func(id, text string) string {
		if id == r.Use {
			return strings.TrimSpace("used " + text)
		}
		return text
	}
	rows = append(rows, []string{"cpu", fmt.Sprintf("%s, kernels %s", counted(r.Processor.Processors, "processor"), r.Processor.Kernels[0]), "", "", note(gpu.CPU, "")})
	for _, d := range r.Devices {
		text := d.Refused
		if d.Check != "" {
			text = strings.TrimPrefix(text+", check: "+d.Check, ", ")
		}
		name := d.Name
		if d.Capability != "" {
			name += ", compute capability " + d.Capability
		}
		rows = append(rows, []string{d.ID, name, fmt.Sprintf("%.1f GiB", float64(d.Memory)/(1<<30)), d.Driver, note(d.ID, text)})
	}
	for _, m := range r.Missing {
		rows = append(rows, []string{m.API, "none", "", "", m.Reason})
	}
	if err := writeRows(w, []string{"DEVICE", "NAME", "MEMORY", "DRIVER", "NOTE"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nused with --device %s: %s, because %s\n", r.Setting, r.Use, r.Why)
	return err
}
