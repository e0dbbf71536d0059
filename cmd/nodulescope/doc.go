// Command nodulescope scores the lung nodule candidates of CT series.
//
// # Commands
//
// Every command has a file of its own with a constructor
// newXCommand(*globals), which stands in the list in root.go. A command reads
// its flags into an options struct, and hands the work to a package: nothing
// here is worth importing.
//
// # Settings
//
// A flag that is marked as a setting (markSettings) can also be given by the
// environment or by a file. What is given in several ways is taken from the
// first of: flag, environment, file, default. See settings.go.
//
// # Errors
//
// A command returns its error; execute prints it on one line, "nodulescope:
// what — what to do", and ends with the exit code that the kind of error
// stands for. See exit.go.
package main
