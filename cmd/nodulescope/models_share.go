package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

const modelsPushHelp = `Give a version to the other workstations of the site, over the bus: its files and its
manifest, as this workstation has signed it, go into the bucket MODELS of the bus's object store.

What is there is never replaced: objects are named by their digests, and each is written once,
the manifest last. Twice the same is one version. Nothing about patients is in it but what
'retrain' wrote into the candidate: digests, counts and distributions.

A service makes the bucket at its start (models-bucket-mib, models-bucket-replicas).`

const modelsPullHelp = `Take in a version that another workstation of the site has pushed, or with --all every one.

The manifest must be signed by a key that --trust names, or by this workstation's own; that is checked before
anything is written. Then every file is compared with its digest and loaded. What is
half written or altered is refused. Nothing scores before it is promoted here.`

// sharedModels opens the bucket of the bus that the flags name. The caller closes the bus.
func (g *globals) sharedModels(ctx context.Context, flags *busFlags) (*bus.Bus, *bus.Objects, error) {
	b, err := flags.connect(ctx, g.log)
	if err != nil {
		return nil, nil, err
	}
	objects, err := b.Models(ctx)
	if err != nil {
		b.Close()
		return nil, nil, err
	}
	return b, objects, nil
}

func newModelsPush(g *globals) *cobra.Command {
	var flags busFlags
	cmd, _ := modelsCommand("push VERSION", "Give a version to other workstations, over the bus", modelsPushHelp,
		"  nodulescope models push promoted\n  nodulescope models push 20260131-5f0c2a1b --nats-url tls://bus.example:4222 --nats-user operator --nats-password-file operator.txt",
		cobra.ExactArgs(1), func(ctx context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			s, _, err := o.open()
			if err != nil {
				return err
			}
			b, objects, err := g.sharedModels(ctx, &flags)
			if err != nil {
				return err
			}
			defer b.Close()
			m, known, err := s.Push(ctx, objects, args[0])
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(stdout, m)
			}
			what := "is shared now"
			if known {
				what = "was shared already"
			}
			key, err := s.Key()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s %s. On another workstation:\n  %s models pull %[1]s --trust %[4]s%[5]s\n", m.Version, what, program(), key, flags.flag())
			return err
		})
	flags.registerClient(cmd.Flags())
	return cmd
}

func newModelsPull(g *globals) *cobra.Command {
	var flags busFlags
	var trust []string
	all := false
	cmd, _ := modelsCommand("pull [VERSION]", "Take in what another workstation has pushed", modelsPullHelp,
		"  nodulescope models pull 20260131-5f0c2a1b --trust ed25519:…\n  nodulescope models pull --all --nats-url tls://bus.example:4222", cobra.MaximumNArgs(1),
		func(ctx context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			if all == (len(args) == 1) {
				return usageError(errors.New("a version or --all"), "give one of them")
			}
			keys, err := trusted(trust)
			if err != nil {
				return err
			}
			s, _, err := o.open()
			if err != nil {
				return err
			}
			b, objects, err := g.sharedModels(ctx, &flags)
			if err != nil {
				return err
			}
			defer b.Close()
			if all {
				return o.pullAll(ctx, s, objects, keys, stdout)
			}
			m, known, err := s.Pull(ctx, objects, args[0], keys...)
			if err != nil {
				return err
			}
			return printTaken(stdout, o.json, m, known)
		})
	cmd.Flags().BoolVar(&all, "all", false, "every version that is shared and not here yet")
	trustFlag(cmd, &trust)
	flags.registerClient(cmd.Flags())
	return cmd
}

// pulled is what 'models pull --all --json' prints of a version.
type pulled struct {
	Version string `json:"version"`
	Known   bool   `json:"known,omitempty"`
	Code    string `json:"code,omitempty"` // why it was refused
}

// pullAll takes in what it can; what is refused is told, and ends the command with the
// code of the first.
func (o *modelsOptions) pullAll(ctx context.Context, s *store.Store, in store.Shared, keys []store.PublicKey, stdout io.Writer) error {
	list, err := s.ListShared(ctx, in, keys...)
	if err != nil {
		return err
	}
	done := []pulled{}
	var errs []error
	for i, v := range list {
		if i > 0 && list[i-1].Version == v.Version { // another signer's
			continue
		}
		_, known, err := s.Pull(ctx, in, v.Version, keys...)
		if done = append(done, pulled{v.Version, known, string(bus.CodeOf(err))}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.Version, err))
		}
	}
	if o.json {
		return errors.Join(append([]error{printJSON(stdout, done)}, errs...)...)
	}
	for _, d := range done {
		what := "is here now"
		switch {
		case d.Code != "":
			what = "is refused: " + d.Code
		case d.Known:
			what = "was here already"
		}
		fmt.Fprintf(stdout, "%s %s\n", d.Version, what)
	}
	if len(done) == 0 {
		fmt.Fprintln(stdout, "Nothing is shared.")
	}
	return errors.Join(errs...)
}

// listShared prints what other workstations have pushed.
func (o *modelsOptions) listShared(ctx context.Context, g *globals, flags *busFlags, trust []string, stdout io.Writer) error {
	keys, err := trusted(trust)
	if err != nil {
		return err
	}
	s, _, err := o.open()
	if err != nil {
		return err
	}
	b, objects, err := g.sharedModels(ctx, flags)
	if err != nil {
		return err
	}
	defer b.Close()
	list, err := s.ListShared(ctx, objects, keys...)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, append([]store.SharedVersion{}, list...))
	}
	var rows [][]string
	var signers []store.PublicKey
	for _, v := range list {
		var state []string
		for _, s := range []struct {
			is   bool
			word string
		}{{v.Here, "here"}, {v.Code == "" && !v.Trusted, "not trusted"}, {v.Code == "" && !v.Whole, "not whole"}, {v.Code != "", v.Code}} {
			if s.is {
				state = append(state, s.word)
			}
		}
		if v.Signer != "" && !slices.Contains(signers, v.Signer) {
			signers = append(signers, v.Signer)
		}
		signer := []rune(v.Signer)
		rows = append(rows, []string{
			v.Version, orDash(v.Kind), v.Added.UTC().Format(time.DateOnly), orDash(strings.Join(state, ", ")), orDash(string(signer[:min(len(signer), 16)])),
		})
	}
	if err := writeRows(stdout, []string{"VERSION", "KIND", "PUSHED", "STATE", "SIGNED BY"}, rows); err != nil {
		return err
	}
	for _, k := range signers { // whole, to be copied
		fmt.Fprintf(stdout, "key %s\n", k)
	}
	return nil
}

// collect removes old versions, of this workstation or of what is shared.
func (o *modelsOptions) collect(ctx context.Context, g *globals, flags *busFlags, shared bool, keep int, dry bool, inUse string) (store.Collected, error) {
	s, _, err := o.open()
	if err != nil {
		return store.Collected{}, err
	}
	if !shared {
		return s.Collect(keep, dry, inUse)
	}
	b, objects, err := g.sharedModels(ctx, flags)
	if err != nil {
		return store.Collected{}, err
	}
	defer b.Close()
	return store.CollectShared(ctx, objects, keep, dry)
}
