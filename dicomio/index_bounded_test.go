package dicomio

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestDICOMDIRBounded: what a series record says is not taken anew for each of its
// images, however long it is and however many it has.
func TestDICOMDIRBounded(t *testing.T) {
	const images = 20_000
	long := strings.Repeat("1.", maxWanted/2-1)
	for name, c := range map[string]struct {
		uid, modality string
		most          int
		want          Code
		listed        int
	}{
		"an ordinary one":  {"1.2.3", "CT", images, "", images},
		"too many images":  {"1.2.3", "CT", images - 1, CodeIndex, 0},
		"a long UID":       {long, "CT", images, CodeIndex, 0},
		"a long modality":  {"1.2.3", `CT\` + long[:1<<13], images, "", images},
		"a UID of 64":      {strings.Repeat("1.", 31) + "11", "CT", images, "", images},
		"not a CT, a long": {long, "MR", images, "", 0},
	} {
		var series, image, d codec.Dataset
		series.AddText(tagRecordType, "CS", "SERIES")
		series.AddBytes(0x0020000E, "UI", []byte(c.uid))
		series.AddBytes(0x00080060, "CS", []byte(c.modality))
		image.AddText(tagRecordType, "CS", "IMAGE")
		image.AddText(tagFileID, "CS", "A", "B")
		records := []codec.Dataset{series}
		for range images {
			records = append(records, image)
		}
		d.AddSequence(tagRecords, records...)
		var file bytes.Buffer
		checktest.Must(t, codec.Write(&file, d, codec.Meta{Class: classDICOMDR, Instance: "1.2.3"}))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		list, err := readIndex(bytes.NewReader(file.Bytes()), c.most)
		runtime.ReadMemStats(&after)
		more := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d MiB in all", name, more>>20)
		if CodeOf(err) != c.want || len(list) != c.listed || more > 64<<20 {
			t.Errorf("%s: %d images of %d MiB, %v", name, len(list), more>>20, err)
		}
	}
}
