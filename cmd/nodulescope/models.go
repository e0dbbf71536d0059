package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/plugin/retrain/gate"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

const modelsHelp = `Look after the models of a site: which there are, where they come from, and which score.

A version is a set: detectors, rungs and the network for outlines. The one in the
binary is called "shipped" and is always there. What a training made is taken in with
'models import', and scores when it is promoted; the service then switches for new
jobs, without a restart, and every result names the models that made it. 'models
rollback' goes back to what scored before.

  training ──► folder ──► models import ──► models compare ──► models promote ──► serve
                                                                     ▲
                                                    models rollback ─┘

VERSION is a name that 'models list' prints, or the beginning of one; "promoted" is the
one that scores. Versions are in the folder "models" of the service's data folder, signed with
the site's key, which stays there. A file that is cut or altered is not loaded.`

type modelsOptions struct {
	outboxOptions
}

func (o *modelsOptions) open() (*store.Store, string, error) {
	folder, err := o.folder()
	if err != nil {
		return nil, "", err
	}
	return store.Open(folder), folder, nil
}

func newModelsCommand(g *globals) *cobra.Command {
	cmd := newCommand("models", "Keep versions of models, and say which scores", modelsHelp,
		`  nodulescope models list
  nodulescope models import candidate
  nodulescope models compare 20260131-5f0c2a1b --data site.npz
  nodulescope models promote 20260131-5f0c2a1b
  nodulescope models rollback`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	cmd.AddCommand(newModelsList(g), newModelsShow(), newModelsImport(), newModelsCompare(g), newModelsShadow(), newModelsDrift(), newModelsExport(), newModelsPush(g), newModelsPull(g),
		newModelsPromote(), newModelsApprove(), newModelsRollback(), newModelsCollect(g))
	return cmd
}

// modelsCommand makes a command that works on the store.
func modelsCommand(use, short, help, examples string, args cobra.PositionalArgs, run func(context.Context, *modelsOptions, []string, io.Writer) error) (*cobra.Command, *modelsOptions) {
	o := &modelsOptions{}
	cmd := newCommand(use, short, help, examples, args, func(cmd *cobra.Command, args []string) error {
		return run(cmd.Context(), o, args, cmd.OutOrStdout())
	})
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd, o
}

func newModelsList(g *globals) *cobra.Command {
	var flags busFlags
	var trust []string
	shared := false
	cmd, _ := modelsCommand("list", "List the versions", `List the versions, the newest first, and which of them scores.

The last line is the site's public key: other workstations name it with --trust to take
this site's versions. With --shared, what workstations have pushed to the bus, by whom it is
signed, and whether a key that is known here has done that.`, "  nodulescope models list\n  nodulescope models list --shared", cobra.NoArgs,
		func(ctx context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			if shared {
				return o.listShared(ctx, g, &flags, trust, stdout)
			}
			return runModelsList(ctx, o, args, stdout)
		})
	cmd.Flags().BoolVar(&shared, "shared", false, "list what is shared over the bus")
	trustFlag(cmd, &trust)
	flags.registerClient(cmd.Flags())
	return cmd
}

// modelsList is what 'models list --json' prints.
type modelsList struct {
	Versions   []store.Manifest  `json:"versions"`
	Current    store.Promotion   `json:"current"`
	Promotions []store.Promotion `json:"promotions"` // that can be rolled back, the one that counts last
	Consent    store.Consent     `json:"consent"`
	Key        store.PublicKey   `json:"key,omitempty"`
}

func runModelsList(_ context.Context, o *modelsOptions, _ []string, stdout io.Writer) error {
	s, _, err := o.open()
	if err != nil {
		return err
	}
	list, damaged := s.List()
	shipped, err := s.Find(store.Shipped)
	if err != nil {
		return err
	}
	all := modelsList{Versions: append(list, shipped), Promotions: []store.Promotion{}}
	if all.Current, err = s.Current(); err != nil {
		return err
	}
	history, err := s.History()
	if err != nil {
		return err
	}
	all.Promotions = append(all.Promotions, history...)
	if all.Key, err = s.Key(); err != nil {
		return err
	}
	if all.Consent, err = s.Consent(); err != nil {
		return err
	}
	if o.json {
		return errors.Join(printJSON(stdout, all), damaged)
	}
	var rows [][]string
	for _, m := range all.Versions {
		mark, made := "", "-"
		if m.Version == all.Current.Version {
			mark = "*"
		}
		if !m.Candidate.Created.IsZero() {
			made = m.Candidate.Created.Format(time.DateOnly)
		}
		rows = append(rows, []string{mark, m.Version, m.Candidate.Kind, made, strings.TrimPrefix(shortDigest(m.Set), "sha256:"), parentOf(m, all.Versions), strings.Join(namesOf(m), ", ")})
	}
	if err := writeRows(stdout, []string{"", "VERSION", "KIND", "MADE", "SET", "FROM", "MODELS"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "* scores")
	if r := all.Consent.Request; r != nil {
		fmt.Fprintf(stdout, "%s asked for %s in place of %s; request %s, %s\n", r.Change.By, r.To.Version, r.From.Version, r.ID, cmp.Or(all.Consent.Void, "waits for a second person until "+r.Expires.Format(time.RFC3339)))
	}
	if all.Key != "" {
		fmt.Fprintf(stdout, "key %s\n", all.Key)
	}
	return damaged
}

// namesOf are the files that score, without their endings.
func namesOf(m store.Manifest) (names []string) {
	for _, f := range m.Scoring() {
		name, _, _ := strings.Cut(f.Name, ".")
		if f.From == store.Shipped && m.Version != store.Shipped {
			name += " (shipped)"
		}
		names = append(names, name)
	}
	return names
}

// parentOf names the version that another was made from.
func parentOf(m store.Manifest, all []store.Manifest) string {
	for _, p := range all {
		if p.Set == m.Candidate.Parent {
			return p.Version
		}
	}
	return orDash(shortDigest(m.Candidate.Parent))
}

func newModelsShow() *cobra.Command {
	cmd, _ := modelsCommand("show VERSION", "Show what a version holds and where it comes from",
		`Show what a version holds and where it comes from: the data set, settings and seed of its training,
the set that it began with, its files with their digests, and the reports of the training.
Where it was compared with what scores now, what the gates said.

Every file is read, compared with its digest, and loaded.`,
		"  nodulescope models show promoted\n  nodulescope models show 20260131-5f0c2a1b --json", cobra.ExactArgs(1), runModelsShow)
	return cmd
}

func runModelsShow(_ context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
	s, _, err := o.open()
	if err != nil {
		return err
	}
	m, err := s.Find(args[0])
	if err != nil {
		return err
	}
	details, err := s.Details(m)
	if err != nil {
		return err
	}
	if _, err := s.Load(m.Version); err != nil {
		return err
	}
	now, err := s.Current()
	if err != nil {
		return err
	}
	compared, err := s.Comparison(m.Set, now.Set)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, struct {
			store.Manifest
			Details    any `json:"details,omitempty"`    // candidate.json, as the training wrote it
			Comparison any `json:"comparison,omitempty"` // with what scores now, as 'models compare' kept it
		}{m, details, compared})
	}
	c := m.Candidate
	var rows [][]string
	line := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	line("version", m.Version)
	line("set", m.Set)
	line("kind", c.Kind)
	if !c.Created.IsZero() {
		line("made", c.Created.Format(time.RFC3339)+" by "+cmp.Or(c.Software, "an unknown program"))
		line("imported", m.Imported.Format(time.RFC3339))
		line("began with", cmp.Or(c.Parent, "nothing that is known"))
		line("data", cmp.Or(c.Data.Digest, "unknown"))
		line("mode", strings.Join(strings.Fields(c.Mode+" "+c.Start), ", "))
		line("seed", fmt.Sprint(c.Seed))
	}
	line("signed by", string(m.Signer))
	line("preprocessing", strings.Join(c.Preprocessing, ", "))
	for _, f := range c.Files {
		from := ""
		if f.From != "" {
			from = ", " + f.From
		}
		line(f.Role, fmt.Sprintf("%s, %s, %s%s", f.Name, counted(f.Bytes, "byte"), f.SHA256, from))
	}
	if err := told(line, compared, now.Version); err != nil {
		return err
	}
	if err := writeRows(stdout, nil, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "Every file is whole and can be loaded.")
	return err
}

// told prints what a comparison with the version that scores said, where there is one.
func told(line func(name, value string), comparison json.RawMessage, with string) error {
	if comparison == nil {
		return nil
	}
	var r gate.Report
	if err := json.Unmarshal(comparison, &r); err != nil {
		return badInput(err, "compare again: the report of the comparison cannot be read")
	}
	verdict := "may take its place"
	if !r.Allowed {
		verdict = "may not take its place"
	}
	line("compared", "with "+with+": "+verdict+", "+r.Created.Format(time.RFC3339))
	for _, reason := range r.Reasons {
		line("refused", reason)
	}
	return nil
}

func newModelsImport() *cobra.Command {
	var trust []string
	cmd, _ := modelsCommand("import FOLDER", "Take in what a training made, or what another site exported",
		`Take in the folder of a candidate, with candidate.json and the files that it lists, or one that
'models export' wrote.

Every file is compared with its digest and loaded once; what cannot score here is
refused. What the candidate lacks of a set (rungs, outlines) is taken from the
binary, so that the version stays what it is when the program changes. Nothing
scores before it is promoted. Twice the same is one version.

A folder that another site exported is signed by its key: name that with --trust.`,
		"  nodulescope models import candidate\n  nodulescope models import /media/stick/models --trust ed25519:…", cobra.ExactArgs(1),
		func(_ context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			keys, err := trusted(trust)
			if err != nil {
				return err
			}
			s, _, err := o.open()
			if err != nil {
				return err
			}
			m, known, err := s.Import(args[0], keys...)
			if err != nil {
				return err
			}
			return printTaken(stdout, o.json, m, known)
		})
	trustFlag(cmd, &trust)
	return cmd
}

func trustFlag(cmd *cobra.Command, trust *[]string) {
	cmd.Flags().StringSliceVar(trust, "trust", nil, "public `KEYS` of other workstations whose versions are taken, as 'models list' prints them there")
	markSettings(cmd.Flags(), "trust")
}

func trusted(texts []string) (keys []store.PublicKey, err error) {
	for _, text := range texts {
		k, err := store.ParsePublicKey(text)
		if err != nil {
			return nil, usageError(err, "give --trust the key that 'nodulescope models list' prints at the other site")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// printTaken says what was taken in.
func printTaken(w io.Writer, asJSON bool, m store.Manifest, known bool) error {
	if asJSON {
		return printJSON(w, m)
	}
	what := "is there now"
	if known {
		what = "was there already"
	}
	_, err := fmt.Fprintf(w, "%s %s: %s\nNext:\n  %[4]s models show %[1]s\n  %[4]s models compare %[1]s --data DATA.npz\n", m.Version, what, strings.Join(namesOf(m), ", "), program())
	return err
}

func newModelsExport() *cobra.Command {
	cmd, _ := modelsCommand("export VERSION FOLDER", "Write a version into a folder, for another site or a backup",
		`Write a version into a folder that does not exist yet: its files, candidate.json, and signature.json,
with which another site that trusts this one's key takes it in.`,
		"  nodulescope models export promoted /media/stick/models", cobra.ExactArgs(2),
		func(_ context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			s, _, err := o.open()
			if err != nil {
				return err
			}
			m, err := s.Export(args[0], args[1])
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(stdout, m)
			}
			_, err = fmt.Fprintf(stdout, "%s is in %s\n", m.Version, args[1])
			return err
		})
	return cmd
}

func newModelsCollect(g *globals) *cobra.Command {
	var flags busFlags
	keep, dry, shared, inUse := 10, false, false, store.Promoted
	cmd, _ := modelsCommand("gc", "Remove old versions and files that belong to none",
		`Remove versions but for the newest ones, and the files that no version names, such as those that a
crash left. What scores, what can be rolled back to and what the setting models names always stay.

With --shared, of the bucket of the bus instead. What was added within the last hour stays there,
but for the versions that go.`,
		"  nodulescope models gc --dry-run\n  nodulescope models gc --keep 3", cobra.NoArgs,
		func(ctx context.Context, o *modelsOptions, _ []string, stdout io.Writer) error {
			c, err := o.collect(ctx, g, &flags, shared, keep, dry, inUse)
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(stdout, c)
			}
			does := "Removed"
			if dry {
				does = "Would remove"
			}
			_, err = fmt.Fprintf(stdout, "%s %s (%s) and %s of %.1f MB that no version needs\n", does, counted(len(c.Versions), "version"), orDash(strings.Join(c.Versions, ", ")), counted(c.Files, "file"), float64(c.Bytes)/1e6)
			return err
		})
	cmd.Flags().IntVar(&keep, "keep", keep, "how many of the newest versions stay, promoted or not")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only tell what would be removed")
	cmd.Flags().BoolVar(&shared, "shared", false, "what is shared over the bus, in place of what is here")
	flags.registerClient(cmd.Flags())
	cmd.Flags().StringVar(&inUse, "models", inUse, "`VERSION` that a service uses: it stays, promoted or not")
	markSettings(cmd.Flags(), "models")
	refuseNegative(cmd.Flags(), "keep")
	return cmd
}
