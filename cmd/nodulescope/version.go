package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker (see Makefile).
var version = ""

const modulePath = "github.com/nodulescope/nodulescope"

// softwareVersion names this build: what the linker set, else the version of
// the module that was installed, else "dev". Results and reports carry it.
func softwareVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == modulePath &&
		info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// buildInfo is what `version --json` prints.
type buildInfo struct {
	Version string `json:"version"`
	Module  string `json:"module"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersionCommand(*globals) *cobra.Command {
	var asJSON bool
	cmd := newCommand("version", "Print version, Go version and platform", "Print the version of the program, that of Go, and the platform.",
		"  nodulescope version --json", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			info := buildInfo{softwareVersion(), modulePath, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), info)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "nodulescope %s (%s) %s %s/%s\n", info.Version, info.Module, info.Go, info.OS, info.Arch)
			return err
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
