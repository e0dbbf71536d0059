package sr

import (
	"io"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// Implementation of the files that are written. The UID is
// UID("nodulescope", "implementation").
const (
	implementationUID = "2.25.298323993168951458637705555756537688944"
	implementation    = "NODULESCOPE"
)

// Write writes an object as a file in explicit VR little endian. Its error has
// [CodeNotWritten]; op says in it what was to be written.
func Write(w io.Writer, d codec.Dataset, op, class, instance string) error {
	meta := codec.Meta{Class: class, Instance: instance, Implementation: implementationUID, Version: implementation}
	if err := codec.Write(w, d, meta); err != nil {
		return refuse(CodeNotWritten, op, "the file could not be written", err)
	}
	return nil
}
