package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/experiment"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/retrain"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// values are what a shell offers for a flag or an argument. A list ends at the last
// comma: what stands before it is kept.
type values func(cmd *cobra.Command) []string

func fixed(list ...string) values { return func(*cobra.Command) []string { return list } }

// flagValues are those of flags by their name; "command flag" stands before "flag".
var flagValues = map[string]values{
	"log-level":        fixed("debug", "info", "warn", "error"),
	"log-format":       fixed("text", "json"),
	"priority":         fixed(bus.PriorityStat, bus.PriorityRoutine),
	"role":             fixed(string(accounts.RoleView), string(accounts.RoleReview), string(accounts.RoleAdmin)),
	"side":             fixed("train", "validation", "calibration", "test"),
	"precision":        fixed("float32", "tf32x3", "tf32", "bf16"),
	"rungs":            fixed(rungsAuto, "off"),
	"outline":          fixed(outlineAuto, "off"),
	"outlines":         fixed(outlinesNetwork, "threshold", "masks"),
	"kernel":           fixed("standard", "soft", "sharp"),
	"detector":         func(*cobra.Command) []string { return experiment.Detectors() },
	"detectors":        shippedDetectors,
	"device":           deviceNames,
	"models":           versionNames,
	"with":             versionNames,
	"nodule":           func(*cobra.Command) []string { return strings.Split(phantomKinds(), ", ") },
	"send":             func(*cobra.Command) []string { return append(kindNames(outbox.Kinds()), "none") },
	"mode":             modeNames,
	"bench kernels":    func(*cobra.Command) []string { return cpu.Names() },
	"retrain with":     nil, // files
	"retrain priority": fixed(priorityIdle, "normal"),
}

// argumentValues are those of the first argument of commands.
var argumentValues = map[string]values{
	"models show": versionNames, "models compare": versionNames, "models export": versionNames, "models push": versionNames, "models promote": versionNames,
	"users passwd": userNames, "users remove": userNames,
}

// complete has every command offer the values of its flags and arguments.
func complete(cmd *cobra.Command) {
	name := strings.TrimPrefix(cmd.CommandPath(), "nodulescope ")
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		offered, known := flagValues[name+" "+f.Name]
		if !known {
			offered = flagValues[f.Name]
		}
		kind, _ := pflag.UnquoteUsage(f)
		switch {
		case offered != nil:
			list := strings.HasSuffix(f.Value.Type(), "Slice")
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return offer(offered(cmd), typed, list)
			})
		case kind == "FOLDER" || kind == "DIR" || kind == "FOLDERS":
			_ = cmd.MarkFlagDirname(f.Name)
		}
	})
	if offered := argumentValues[name]; offered != nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return offer(offered(cmd), typed, false)
		}
	}
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
}

func offer(all []string, typed string, list bool) ([]string, cobra.ShellCompDirective) {
	before := ""
	if i := strings.LastIndex(typed, ","); list && i >= 0 {
		before = typed[:i+1]
	}
	var found []string
	for _, v := range all {
		if strings.HasPrefix(before+v, typed) && !slices.Contains(strings.Split(before, ","), v) {
			found = append(found, before+v)
		}
	}
	how := cobra.ShellCompDirectiveDefault // or a file
	if len(found) > 0 {
		how = cobra.ShellCompDirectiveNoFileComp
	}
	if list {
		how |= cobra.ShellCompDirectiveNoSpace
	}
	return found, how
}

func deviceNames(*cobra.Command) []string {
	names := []string{gpu.Auto, gpu.CPU, gpu.GPU}
	all, _ := gpu.Devices()
	for _, d := range all {
		names = append(names, d.ID())
	}
	return names
}

func modeNames(*cobra.Command) (names []string) {
	for _, m := range retrain.Modes() {
		names = append(names, string(m))
	}
	return names
}

func shippedDetectors(*cobra.Command) (names []string) {
	all, err := loadDetectors(nil)
	if err != nil {
		return nil
	}
	for _, d := range all {
		names = append(names, d.Name())
	}
	return names
}

// dataFolder is the one that the command line names so far, or this user's.
func dataFolder(cmd *cobra.Command) string {
	if f := cmd.Flag("data-dir"); f != nil && f.Value.String() != "" {
		return f.Value.String()
	}
	folder, err := plugin.DefaultDataDir()
	if err != nil {
		return ""
	}
	return folder
}

func versionNames(cmd *cobra.Command) []string {
	names := []string{store.Promoted, store.Shipped}
	list, _ := store.Open(dataFolder(cmd)).List() // those that can be read
	for _, m := range list {
		names = append(names, m.Version)
	}
	return names
}

func userNames(cmd *cobra.Command) (names []string) {
	path := filepath.Join(dataFolder(cmd), "users.json")
	if f := cmd.Flag("review-users"); f != nil && f.Value.String() != "" {
		path = f.Value.String()
	}
	users, err := accounts.Load(path)
	if err != nil {
		return nil
	}
	for _, u := range users {
		names = append(names, u.Name)
	}
	return names
}
