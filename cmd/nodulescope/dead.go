package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
)

const deadHelp = `List the jobs that could not be scored, with the reason for each.

A job that cannot be read, or whose series cannot, is kept as a dead letter with a
code. When the cause is gone (the folder is there now, the file is complete), put it back:

  nodulescope dead replay NUMBER`

type deadOptions struct {
	bus  busFlags
	site string
	json bool
}

func (o *deadOptions) register(cmd *cobra.Command) {
	siteFlag(cmd.Flags(), &o.site, "local", "`SITE` whose dead letters are meant")
	o.bus.registerClient(cmd.Flags())
}

func newDeadCommand(g *globals) *cobra.Command {
	var o deadOptions
	cmd := newCommand("dead", "List jobs that could not be scored, and put them back", deadHelp,
		`  nodulescope dead
  nodulescope dead replay 17`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runDead(cmd.Context(), o, g, cmd.OutOrStdout())
		})
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print a line of JSON for each")
	cmd.AddCommand(newDeadReplayCommand(g))
	return cmd
}

func newDeadReplayCommand(g *globals) *cobra.Command {
	var o deadOptions
	cmd := newCommand("replay NUMBER...", "Put jobs back into the queue", "Put jobs back into the queue, byte for byte. NUMBER is what 'nodulescope dead' prints.",
		"  nodulescope dead replay 17",
		cobra.MinimumNArgs(1), func(cmd *cobra.Command, args []string) error {
			return runReplay(cmd.Context(), args, o, g, cmd.OutOrStdout())
		})
	o.register(cmd)
	return cmd
}

func runDead(ctx context.Context, o deadOptions, g *globals, stdout io.Writer) error {
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	const page = 1000
	count := 0
	for from := uint64(0); ; {
		letters, err := b.DeadLetters(ctx, o.site, bus.DeadOptions{FromSeq: from, Limit: page})
		if err != nil {
			return err
		}
		for _, letter := range letters {
			if err := printLetter(stdout, letter, o.json, count == 0); err != nil {
				return err
			}
			count, from = count+1, letter.LetterAt+1
		}
		if len(letters) < page {
			break
		}
	}
	if count == 0 && !o.json {
		_, err = fmt.Fprintln(stdout, "No dead letters.")
	}
	return err
}

func printLetter(w io.Writer, letter bus.DeadLetter, asJSON, first bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			Number uint64 `json:"number"` // what replay takes
			Site   string `json:"site"`
			bus.Dead
		}{letter.LetterAt, letter.Site, letter.Dead})
	}
	widths := lineWidths(w, []int{6, 20, 14, 8, 24})
	if first {
		if err := writeRow(w, widths, []string{"NUMBER", "TIME", "CODE", "JOB", "REASON"}); err != nil {
			return err
		}
	}
	return writeRow(w, widths, []string{fmt.Sprint(letter.LetterAt), letter.Time.UTC().Format(time.RFC3339), letter.Code, orDash(letter.JobID), letter.Message})
}

// listed reads numbers from 1 on, which a command lists.
func listed(args []string, command string) ([]uint64, error) {
	numbers := make([]uint64, len(args))
	for i, text := range args {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 {
			return nil, usageError(fmt.Errorf("%q is not a number in the list", text), "take it from '"+command+"'")
		}
		numbers[i] = n
	}
	return numbers, nil
}

func runReplay(ctx context.Context, numbers []string, o deadOptions, g *globals, stdout io.Writer) error {
	sequences, err := listed(numbers, "nodulescope dead")
	if err != nil {
		return err
	}
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	var errs []error
	for _, n := range sequences {
		if _, err := b.Replay(ctx, o.site, n); err != nil {
			errs = append(errs, fmt.Errorf("%d: %w", n, err))
			continue
		}
		fmt.Fprintf(stdout, "%d is in the queue again\n", n)
	}
	return errors.Join(errs...)
}
