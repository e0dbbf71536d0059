package dicomio

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// patients is a series whose slices have the patient IDs that id says; empty: none.
func patients(id func(z int) string) dicomtest.Spec {
	return dicomtest.Spec{Slices: 8, Edit: func(z int, set dicomtest.Elements) {
		if p := id(z); p != "" {
			set.Set(0x00100020, "LO", p)
		}
	}}
}

// TestPatientsOfOneSeries: two patients under one series UID are refused, from
// files and from a PACS's metadata; an ID that is absent or filled up is none of
// another patient.
func TestPatientsOfOneSeries(t *testing.T) {
	for name, tt := range map[string]struct {
		id   func(z int) string
		code Code
	}{
		"one":         {func(int) string { return "DOE4711" }, ""},
		"none":        {func(int) string { return "" }, ""},
		"not told":    {func(z int) string { return strings.Repeat("DOE4711", z%2) }, ""},
		"filled up":   {func(z int) string { return "DOE4711" + strings.Repeat(" ", z) }, ""},
		"alternating": {func(z int) string { return fmt.Sprint("DOE", z%2) }, CodePatientsDiffer},
		"one behind":  {func(z int) string { return fmt.Sprint("DOE", z/4) }, CodePatientsDiffer},
		"one image":   {func(z int) string { return fmt.Sprint("DOE", z/7) }, CodePatientsDiffer},
	} {
		dir := t.TempDir()
		if err := dicomtest.WriteSeries(dir, patients(tt.id)); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSeries(t.Context(), dir, "", Options{})
		if CodeOf(err) != tt.code || err != nil && strings.Contains(err.Error(), "DOE") {
			t.Errorf("%s: %v", name, err)
		}
		images, files, local := described(t, dicomtest.Spec{Slices: 8})
		for z := range images {
			if id := tt.id(z); id != "" {
				images[z][tagPatientID] = Attribute(tagPatientID, []string{id})
			}
		}
		if _, err := OpenRemote(t.Context(), images, local.SeriesUID, files, Options{}); CodeOf(err) != tt.code {
			t.Errorf("%s, remote: %v", name, err)
		}
	}
}

// TestSealIsNoID: what is kept of an ID is the same for the same one, and does not
// hold it.
func TestSealIsNoID(t *testing.T) {
	a, b := string(seal([]byte("DOE4711 \x00"))), string(seal([]byte(" DOE4711")))
	if a != b || len(a) != 32 || strings.Contains(a, "4711") || a == string(seal([]byte("DOE4712"))) || len(seal([]byte(" \x00"))) != 0 {
		t.Error(a, b)
	}
}

// TestElementsThatComeTwice: who takes the first and who takes the last would see
// different images; the same again does no harm.
func TestElementsThatComeTwice(t *testing.T) {
	good, err := dicomtest.Encode(dicomtest.Spec{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	element := func(tag string) []byte {
		at := bytes.Index(good, []byte(tag))
		end := at + 8 + int(good[at+6])
		if strings.HasSuffix(tag, "OW") {
			end = len(good)
		}
		return bytes.Clone(good[at:end])
	}
	for _, tag := range []string{"\x20\x00\x32\x00DS", "\x28\x00\x30\x00DS", "\x28\x00\x53\x10DS", "\x28\x00\x03\x01US", "\x20\x00\x0e\x00UI", "\xe0\x7f\x10\x00OW"} {
		first := element(tag)
		pixels := strings.HasSuffix(tag, "OW")
		at := bytes.Index(good, first) + len(first)
		for _, change := range []byte{0, 1} {
			again := bytes.Clone(first)
			again[len(again)-2] ^= change
			file := append(append(bytes.Clone(good[:at]), again...), good[at:]...)
			_, err := readHeader(memory{bytes.NewReader(file)}, 1<<20)
			if want := change == 1 || pixels; (CodeOf(err) == CodeUnreadable) != want || want && !strings.Contains(err.Error(), "twice") {
				t.Errorf("%x, changed by %d: %v", tag, change, err)
			}
		}
	}
}

// TestStationsThatOverlap: where a few slices are there twice, those of one station are
// kept, whatever tells them apart.
func TestStationsThatOverlap(t *testing.T) {
	for name, mark := range map[string]func(set dicomtest.Elements, station, z int){
		"numbers": func(set dicomtest.Elements, station, z int) {
			set.Set(0x00200013, "IS", fmt.Sprint(100*station+z))
		},
		"content times": func(set dicomtest.Elements, station, z int) {
			set.Set(0x00080033, "TM", fmt.Sprintf("10%02d%02d", station, z))
		},
	} {
		dir := t.TempDir()
		for station := 1; station <= 2; station++ {
			err := dicomtest.WriteSeries(fmt.Sprint(dir, "/", station), dicomtest.Spec{
				Slices: 14, Origin: [3]float64{0, 0, 25 * float64(station)},
				Edit: func(z int, set dicomtest.Elements) {
					delete(set, 0x00200013)
					set.Set(0x00080018, "UI", fmt.Sprintf("1.2.%d.%d", (z*7919+station*31)%10007, station))
					mark(set, station, z)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s, err := OpenSeries(t.Context(), dir, "", Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		if len(s.Doubles) != 4 || len(s.Slices) != 24 {
			t.Fatalf("%s: %d doubles, %d slices", name, len(s.Doubles), len(s.Slices))
		}
		changes := 0
		for i := 1; i < len(s.Slices); i++ {
			if last := func(uid string) byte { return uid[len(uid)-1] }; last(s.Slices[i].SOPInstanceUID) != last(s.Slices[i-1].SOPInstanceUID) {
				changes++
			}
		}
		if changes != 1 {
			t.Errorf("%s: slices of the stations change %d times", name, changes)
		}
	}
}
