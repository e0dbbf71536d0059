package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/nodule/phantom"
)

const phantomHelp = `Write a synthetic chest CT with known nodules as a DICOM series.

DIR is created if it is missing and must be empty. It gets one file per slice and
truth.json, the ground truth, which 'score' and 'submit'
take as --nodules, with the exact volume of every nodule. The same flags give the
same files. It is not a patient, and scores on it say nothing about how good a
detector is.

With --growth it is a later scan of the patient whom the same flags without
--growth show: the same anatomy and places, the volume of every nodule times the
factor, other noise, and a date of --days later.`

// phantomOptions are the flags that shape a phantom. The field of view stays
// the same whatever the size of the matrix.
type phantomOptions struct {
	seed    uint64
	slices  int
	size    int
	count   int
	spacing float64
	tilt    float64
	noise   float64
	usual   bool     // the kernel's usual noise in place of noise
	nodules []string // KIND or KIND:MM
	kernel  string
	later   bool // with growth
	growth  float64
	days    int
}

func (o *phantomOptions) register(f *pflag.FlagSet) {
	f.Uint64Var(&o.seed, "seed", 1, "seed; the same seed gives the same scan")
	f.IntVar(&o.slices, "slices", phantom.DefaultSlices, "number of slices")
	f.IntVar(&o.size, "size", phantom.DefaultMatrix, "rows and columns of a slice")
	f.IntVar(&o.count, "count", phantom.DefaultCount, "number of nodules, of all kinds in turn")
}

func (o *phantomOptions) registerMore(f *pflag.FlagSet) {
	f.Float64Var(&o.spacing, "slice-spacing", phantom.DefaultZMM, "distance between slices in `MM`")
	f.Float64Var(&o.tilt, "tilt", 0, "gantry tilt in `DEGREES`")
	f.Float64Var(&o.noise, "noise", phantom.DefaultNoiseHU, "standard deviation of the noise in `HU` (default with a soft kernel 11, with a sharp one 50)")
	f.StringSliceVar(&o.nodules, "nodule", nil, "`KIND[:MM]` of a nodule to put in, in place of --count; repeat it for more. Kinds: "+phantomKinds())
	f.StringVar(&o.kernel, "kernel", "standard", "reconstruction: standard, soft or sharp")
	f.Float64Var(&o.growth, "growth", 0, "make the later scan: volume of every nodule then, divided by now, as `FACTOR` of 0.1 to 10")
	f.IntVar(&o.days, "days", 90, "with --growth: `DAYS` since the first scan")
	refuseZero(f, "slice-spacing", "days")
	refuseNegative(f, "noise")
}

// generate makes the phantom. What it refuses stands on the command line.
func (o *phantomOptions) generate() (*phantom.Phantom, error) {
	const hint = "see 'nodulescope phantom --help'"
	if o.size <= 0 || o.slices <= 0 || o.count < 0 {
		return nil, usageError(fmt.Errorf("phantom: %d slices of %d rows with %d nodules cannot be made", o.slices, o.size, o.count), hint)
	}
	pixel := phantom.DefaultPixelMM * phantom.DefaultMatrix / float64(o.size)
	spec := phantom.Spec{
		Seed: o.seed, Slices: o.slices, Rows: o.size, Cols: o.size, Count: o.count,
		SpacingMM: [3]float64{o.spacing, pixel, pixel}, TiltDeg: o.tilt, NoiseHU: o.noise,
	}
	if o.count == 0 {
		spec.Count = -1 // none; 0 stands for the default there
	}
	switch {
	case o.usual:
		spec.NoiseHU = 0
	case o.noise == 0:
		spec.NoiseHU = -1
	}
	if o.kernel != "" && o.kernel != "standard" {
		spec.Kernel = phantom.Kernel(o.kernel)
	}
	if o.later {
		spec.FollowUp = &phantom.FollowUp{VolumeFactor: o.growth, Days: o.days}
	}
	for _, text := range o.nodules {
		n, err := phantomNodule(text)
		if err != nil {
			return nil, usageError(err, hint)
		}
		spec.Nodules = append(spec.Nodules, n)
	}
	p, err := phantom.Generate(spec)
	if err != nil {
		return nil, usageError(err, hint)
	}
	return p, nil
}

// phantomNodule reads KIND or KIND:MM.
func phantomNodule(text string) (phantom.Nodule, error) {
	kind, size, sized := strings.Cut(text, ":")
	n := phantom.Nodule{Kind: phantom.Kind(kind)}
	if sized {
		mm, err := strconv.ParseFloat(size, 64)
		if err != nil || mm == 0 {
			return n, fmt.Errorf("phantom: nodule %.40q: give its diameter in mm, such as mass:60", text)
		}
		n.DiameterMM = mm
	}
	return n, nil
}

func phantomKinds() string {
	var names []string
	for _, k := range phantom.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func newPhantomCommand(*globals) *cobra.Command {
	var o phantomOptions
	cmd := newCommand("phantom DIR", "Write a synthetic chest CT with known nodules as DICOM", phantomHelp,
		`  nodulescope phantom scan
  nodulescope phantom small --seed 7 --slices 60 --size 128 --count 3
  nodulescope phantom masses --nodule mass:60 --nodule spiculated:35 --kernel sharp
  nodulescope phantom later --growth 1.5 --days 180`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			o.later = cmd.Flags().Changed("growth")
			o.usual = !cmd.Flags().Changed("noise")
			return runPhantom(cmd.Context(), args[0], o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	o.register(cmd.Flags())
	o.registerMore(cmd.Flags())
	return cmd
}

func runPhantom(ctx context.Context, dir string, o phantomOptions, stdout, stderr io.Writer) error {
	p, err := o.generate()
	if err != nil {
		return err
	}
	if err := writePhantom(ctx, p, dir, stderr); err != nil {
		return err
	}
	g := p.Geometry()
	fmt.Fprintf(stdout, "%s: a synthetic scan, not a patient\n", dir)
	fmt.Fprintf(stdout, "  series   %s\n", p.SeriesUID())
	fmt.Fprintf(stdout, "  slices   %d of %d x %d, %.4g x %.4g x %.4g mm\n",
		g.Slices, g.Rows, g.Cols, g.SpacingMM[0], g.SpacingMM[1], g.SpacingMM[2])
	truth := filepath.Join(dir, phantom.TruthFile)
	fmt.Fprintf(stdout, "  nodules  %d in %s\n", len(p.Nodules()), truth)
	for _, n := range p.Nodules() {
		fmt.Fprintf(stdout, "    %s  %s  %.1f mm\n", n.ID, n.Kind, n.DiameterMM)
	}
	_, err = fmt.Fprintf(stdout, "Next: %s score %s --nodules %s\n", program(), quoted(dir), quoted(truth))
	return err
}

func writePhantom(ctx context.Context, p *phantom.Phantom, dir string, stderr io.Writer) error {
	bar := newProgress(stderr, "writing slices", p.Geometry().Slices)
	defer bar.done()
	return p.WriteDICOM(ctx, dir, func(done, _ int) { bar.set(done, "") })
}
