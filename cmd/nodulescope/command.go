package main

import "github.com/spf13/cobra"

// newCommand makes a command with what it says of itself. Its help ends with the
// exit status.
func newCommand(use, short, help, examples string, args cobra.PositionalArgs, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: help + "\n\nExit status:\n\n" + exitCodesHelp, Example: examples, Args: args, RunE: run}
}
