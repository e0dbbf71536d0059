package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/series"
)

const submitHelp = `Put a job on the bus: this series has these nodule candidates.

DIR is a folder, its file:// URI, or a series in a PACS by its DICOMweb address
(https://host/path/studies/UID/series/UID, see --pacs). Its headers are read here,
for the UIDs of study, series and frame of reference; the service reads the
pixels. If it sees the series under another name, give that with --uri.
` + nodulesHelp + `

The ID of a job is derived from its content, so that the same command is one job,
however often it is sent; --id sets another. The bus remembers an ID for two
minutes, the service remembers its results for good: an answered job is
not scored again, and a corrected position gives a new result that says which
one it supersedes. Above 512 nodules or 256 KiB a job is refused: split it.`

type submitOptions struct {
	bus      busFlags
	nodules  string
	series   string
	site     string
	source   string
	id       string
	uri      string
	priority string
	deadline time.Duration
	pacs     pacsFlag
	kernels  []string
}

func newSubmitCommand(g *globals) *cobra.Command {
	var o submitOptions
	cmd := newCommand("submit DIR --nodules FILE", "Put a job on the bus", submitHelp,
		`  nodulescope submit /data/series --nodules nodules.json
  nodulescope submit file:///data/series --nodules annotations.csv --priority stat
  nodulescope submit /data/series --nodules readers.xml --nats-url nats://bus.example:4222 --nats-nkey-file seed`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runSubmit(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.nodules, "nodules", "", "`FILE` with the candidates: JSON, LUNA16 CSV or LIDC XML")
	f.StringVar(&o.series, "series", "", "series instance `UID`, if the folder holds several series")
	siteFlag(f, &o.site, "local", "`SITE` whose service takes the job")
	f.StringVar(&o.source, "source", jobSource, "`NAME` of the sender as a URI reference; each sender gets its own result")
	f.StringVar(&o.id, "id", "", "`ID` of the job (default: derived from its content)")
	f.StringVar(&o.uri, "uri", "", "`URI` of the series as the service sees it, file:// or https:// (default: that of DIR)")
	f.StringVar(&o.priority, "priority", bus.PriorityRoutine, "`PRIORITY`: stat or routine")
	f.DurationVar(&o.deadline, "deadline", 0, "`TIME` from now after which nobody needs the answer, such as 30m (default: none)")
	o.pacs.register(f)
	kernelsFlag(f, &o.kernels)
	o.bus.registerClient(f)
	mustRequire(cmd, "nodules")
	return cmd
}

func runSubmit(ctx context.Context, folder string, o submitOptions, g *globals, stdout, stderr io.Writer) error {
	if o.priority != bus.PriorityStat && o.priority != bus.PriorityRoutine {
		return usageError(fmt.Errorf("--priority %q is unknown", o.priority), "choose stat or routine")
	}
	if o.deadline < 0 {
		return usageError(errors.New("--deadline lies in the past"), "give a time from now, such as 30m")
	}
	if o.source == "" {
		return usageError(errors.New("--source is empty"), "name the sender, such as /detector/ct-3")
	}
	archives, err := o.pacs.archives(g.log, folder)
	if err != nil {
		return err
	}
	job, _, err := readJob(ctx, folder, o.nodules, o.series, series.Reader{Archives: archives, Kernels: o.kernels}, stderr)
	if err != nil {
		return err
	}
	job.Priority = o.priority
	if o.uri != "" {
		if job.URI, err = placeURI(o.uri); err != nil {
			return err
		}
	}
	id := o.id
	if id == "" {
		if id, err = jobID(job); err != nil {
			return err
		}
	}
	if o.deadline > 0 { // not part of the id, or no two submissions would be one
		end := time.Now().Add(o.deadline).UTC()
		job.Deadline = &end
	}
	if _, err := bus.EncodeJob(o.source, id, job); err != nil {
		return err // before a connection is needed to learn it
	}
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	ack, err := b.SubmitJob(ctx, o.site, o.source, id, job)
	if err != nil {
		return err
	}
	if ack.Duplicate {
		_, err = fmt.Fprintf(stdout, "%s\nWas submitted before, within the last two minutes: it stays one job. --id submits it under another name.\n", id)
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s, site %s, %s, number %d in the queue's stream\nNext: %s results%s\n",
		id, counted(len(job.Nodules), "nodule"), o.site, o.priority, ack.Sequence, program(), o.bus.flag())
	return err
}
