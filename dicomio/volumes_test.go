package dicomio_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// layer is one set of images of a series: a phase, a pass, a reconstruction.
type layer struct {
	name  string // ends its SOPInstanceUIDs, and names its folder
	spec  dicomtest.Spec
	first int                                 // InstanceNumber of its first slice
	marks func(z int, set dicomtest.Elements) // what tells it apart
}

// layered writes layers under one series UID. Their files and UIDs come in an
// order that alternates from layer to layer, as the slices of phases do that are
// told apart by nothing but a hash.
func layered(t *testing.T, layers ...layer) (string, dicomio.Options) {
	t.Helper()
	dir := t.TempDir()
	for _, l := range layers {
		l.spec.Edit = func(z int, set dicomtest.Elements) {
			set.Set(0x00080018, "UI", fmt.Sprintf("1.2.%d.%s", (z*7919+int(l.name[0])*31)%10007, l.name))
			if l.first > 0 {
				set.Set(0x00200013, "IS", fmt.Sprint(l.first+z))
			}
			if l.marks != nil {
				l.marks(z, set)
			}
		}
		write(t, dir+"/"+l.name, l.spec)
	}
	return dir, dicomio.Options{}
}

// text sets elements of every image to the same text.
func text(pairs ...any) func(int, dicomtest.Elements) {
	return func(_ int, set dicomtest.Elements) {
		for i := 0; i < len(pairs); i += 3 {
			set.Set(uint32(pairs[i].(int)), pairs[i+1].(string), pairs[i+2].(string))
		}
	}
}

// timed gives every slice its own AcquisitionTime, step seconds apart.
func timed(start, step float64) func(int, dicomtest.Elements) {
	return func(z int, set dicomtest.Elements) {
		set.Set(0x00080032, "TM", fmt.Sprintf("1000%09.6f", start+step*float64(z)))
	}
}

// odd edits every second slice.
func odd(edit func(int, dicomtest.Elements)) func(int, dicomtest.Elements) {
	return func(z int, set dicomtest.Elements) {
		if z%2 == 1 {
			edit(z, set)
		}
	}
}

func spaced(slices int, spacing, from float64) dicomtest.Spec {
	return dicomtest.Spec{Slices: slices, Spacing: [3]float64{spacing, 0.7, 0.7}, Origin: [3]float64{0, 0, from}}
}

const (
	acquisition, acquired, content, kernel, thickness = 0x00200012, 0x00080032, 0x00080033, 0x00181210, 0x00180050
	imageType, temporal, trigger, voltage             = 0x00080008, 0x00200100, 0x00181060, 0x00180060
)

// TestVolumesNeverAlternate: sets of images that do not belong together, under
// one series UID. One is taken whole; the warning says what was left out.
func TestVolumesNeverAlternate(t *testing.T) {
	plain := spaced(20, 2.5, 0)
	coronal := dicomtest.Spec{Slices: 60, Spacing: [3]float64{0.7, 2.5, 0.7}, RowDir: [3]float64{1, 0, 0}, ColDir: [3]float64{0, 0, -1}, ImageType: `DERIVED\SECONDARY\REFORMATTED`}
	for name, c := range map[string]struct {
		layers []layer
		kept   string
		slices int
		told   string
	}{
		"phases told by time": {[]layer{
			{"b", plain, 0, text(acquired, "TM", "100130")}, {"a", plain, 0, text(acquired, "TM", "100000")}}, "a", 20, "acquired 90 s later"},
		"phases told by date and time": {[]layer{
			{"b", plain, 0, text(0x0008002A, "DT", "20260102000010")}, {"a", plain, 0, text(0x0008002A, "DT", "20260101235959.5+0100")}}, "a", 20, "acquired"},
		"phases told by the image number": {[]layer{
			{"b", plain, 101, nil}, {"a", plain, 1, nil}}, "a", 20, "another pass"},
		"phases told by when they were made": {[]layer{
			{"b", plain, 0, text(content, "TM", "100130")}, {"a", plain, 0, text(content, "TM", "100000")}}, "a", 20, "another pass"},
		"heart phases": {[]layer{
			{"b", plain, 0, text(trigger, "DS", "300")}, {"a", plain, 0, text(trigger, "DS", "70")}}, "a", 20, "another pass"},
		"three temporal positions": {[]layer{
			{"c", plain, 0, text(temporal, "IS", "3")}, {"a", plain, 0, text(temporal, "IS", "1")}, {"b", plain, 0, text(temporal, "IS", "2")}}, "", 20, "temporal position"},
		"a second pass, half a slice on": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 0, text(acquisition, "IS", "2")}, {"a", plain, 0, nil}}, "a", 20, "acquisition 2"},
		"a second pass, slice by slice": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 0, timed(30, 0.5)}, {"a", plain, 0, timed(0, 0.5)}}, "a", 20, "acquired 30 s later"},
		"a second pass back": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 0, timed(39, -0.5)}, {"a", plain, 0, timed(0, 0.5)}}, "a", 20, "acquired"},
		"acquisitions of one slice each, twice": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 0, func(z int, set dicomtest.Elements) { set.Set(acquisition, "IS", fmt.Sprint(21+z)) }},
			{"a", plain, 0, func(z int, set dicomtest.Elements) { set.Set(acquisition, "IS", fmt.Sprint(1+z)) }}}, "a", 20, "acquisition 21"},
		"passes that overlap": {[]layer{
			{"b", spaced(20, 2.5, 26.1), 0, text(acquisition, "IS", "2")}, {"a", plain, 0, nil}}, "a", 20, "acquisition 2"},
		"half a slice on, by the image number": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 101, text(thickness, "DS", "2.5")}, {"a", plain, 1, text(thickness, "DS", "2.5")}}, "a", 20, "another pass"},
		"half a slice on, by when they were made": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 0, text(thickness, "DS", "2.5", content, "TM", "100130")},
			{"a", plain, 0, text(thickness, "DS", "2.5", content, "TM", "100000")}}, "a", 20, "another pass"},
		"0.5 mm on, by the image number": {[]layer{
			{"b", spaced(20, 2.5, 0.5), 101, text(thickness, "DS", "2.5")}, {"a", plain, 1, text(thickness, "DS", "2.5")}}, "a", 20, "another pass"},
		"a third on, by the image number": {[]layer{
			{"b", spaced(20, 2.5, 0.8), 101, text(thickness, "DS", "2.5")}, {"a", plain, 1, text(thickness, "DS", "2.5")}}, "a", 20, "another pass"},
		"half a slice on, one without acquisition": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 101, text(acquisition, "IS", "")}, {"a", plain, 1, text(acquisition, "IS", "1")}}, "a", 20, "another pass"},
		"half a slice on, one without kernel": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 101, text(kernel, "SH", "")}, {"a", plain, 1, text(kernel, "SH", "B30f")}}, "a", 20, "kernel not told"},
		"half a slice on, one without thickness": {[]layer{
			{"b", spaced(20, 2.5, 1.25), 101, nil}, {"a", plain, 1, text(thickness, "DS", "2.5")}}, "a", 20, "not told"},
		"a few slices between": {[]layer{
			{"b", spaced(6, 2.5, 21.25), 101, text(thickness, "DS", "2.5")}, {"a", plain, 1, text(thickness, "DS", "2.5")}}, "a", 20, "another pass"},
		"0.02 mm apart": {[]layer{
			{"b", spaced(20, 2.5, 0.02), 0, text(acquired, "TM", "100130")}, {"a", plain, 0, text(acquired, "TM", "100000")}}, "a", 20, "90 s later"},
		"a thick MIP": {[]layer{
			{"b", plain, 0, text(imageType, "CS", `DERIVED\SECONDARY\AXIAL\MIP`, thickness, "DS", "10")}, {"a", plain, 0, text(thickness, "DS", "2.5")}}, "a", 20, "is original"},
		"thick slices between": {[]layer{
			{"b", spaced(10, 5, 1), 0, text(thickness, "DS", "5")}, {"a", plain, 0, text(thickness, "DS", "2.5")}}, "a", 20, "slices of 5 mm"},
		"two kernels": {[]layer{
			{"b", plain, 0, text(kernel, "SH", "B70f")}, {"a", plain, 0, text(kernel, "SH", "B30f")}}, "", 20, "kernel B"},
		"two voltages": {[]layer{
			{"b", plain, 0, text(voltage, "DS", "80")}, {"a", plain, 0, nil}}, "", 20, "tube voltage"},
		"more reformats than slices": {[]layer{
			{"b", coronal, 0, nil}, {"a", spaced(20, 2.5, 0), 0, nil}}, "a", 20, ""},
		"few thin slices": {[]layer{
			{"b", spaced(5, 1, 10.3), 0, text(thickness, "DS", "1")}, {"a", plain, 0, text(thickness, "DS", "2.5")}}, "a", 20, "covers more of the patient"},
	} {
		dir, opts := layered(t, c.layers...)
		s, err := dicomio.OpenSeries(context.Background(), dir, "", opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		of := map[string]int{}
		for _, sl := range s.Slices {
			of[sl.SOPInstanceUID[strings.LastIndex(sl.SOPInstanceUID, ".")+1:]]++
		}
		if len(of) != 1 || len(s.Slices) != c.slices || c.kept != "" && of[c.kept] == 0 || len(s.Geometry.Missing) != 0 {
			t.Errorf("%s: slices of %v, missing %v, warnings %v", name, of, s.Geometry.Missing, s.Warnings)
		}
		if told := warned(s, dicomio.CodeSeveralVolumes); c.told != "" && !strings.Contains(told, c.told) || c.told == "" && warned(s, dicomio.CodeMixedGeometry) == "" {
			t.Errorf("%s: told %v", name, s.Warnings)
		}
		if len(s.Volumes) != len(c.layers) {
			t.Errorf("%s: found %+v", name, s.Volumes)
		}
	}
}

// TestOneVolumeStaysOne: what looks like several acquisitions and is one scan.
func TestOneVolumeStaysOne(t *testing.T) {
	for name, c := range map[string]struct {
		layers []layer
		slices int
		want   []dicomio.Code
	}{
		"an acquisition for every slice":     {[]layer{{"a", spaced(20, 2.5, 0), 0, func(z int, set dicomtest.Elements) { set.Set(acquisition, "IS", fmt.Sprint(z)) }}}, 20, nil},
		"a time for every slice":             {[]layer{{"a", spaced(20, 2.5, 0), 0, timed(0, 0.6)}}, 20, nil},
		"a time for every slice, feet first": {[]layer{{"a", spaced(20, 2.5, 0), 0, timed(50, -0.6)}}, 20, nil},
		"times in no order": {[]layer{{"a", spaced(40, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			set.Set(acquired, "TM", fmt.Sprintf("1000%02d", z*17%40))
		}}}, 40, nil},
		"times by chance": {[]layer{{"a", spaced(40, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			set.Set(acquired, "TM", fmt.Sprintf("1000%02d", z*z*z*7%59))
		}}}, 40, nil},
		"two slices late": {[]layer{{"a", spaced(40, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			set.Set(acquired, "TM", fmt.Sprintf("1000%09.6f", float64(z)+3.5*float64(z%9/8)))
		}}}, 40, nil},
		"stations": {[]layer{{"a", spaced(20, 2.5, 0), 0, nil}, {"b", spaced(20, 2.5, 50), 0, text(acquisition, "IS", "2")}}, 40, nil},
		"stations that share a slice": {[]layer{{"a", spaced(20, 2.5, 0), 0, nil}, {"b", spaced(20, 2.5, 47.5), 0, text(acquisition, "IS", "2")}}, 39,
			[]dicomio.Code{dicomio.CodeDuplicatePosition}},
		"thicker slices further on": {[]layer{{"a", spaced(20, 2.5, 0), 0, text(thickness, "DS", "2.5")}, {"b", spaced(10, 5, 52.5), 0, text(thickness, "DS", "5")}}, 30,
			[]dicomio.Code{dicomio.CodeSeveralVolumes, dicomio.CodeMissingSlices}},
		"marks that some do not have": {[]layer{{"a", spaced(20, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			if z%2 == 0 {
				text(kernel, "SH", "B30f", thickness, "DS", "2.5", acquired, "TM", "100000")(z, set)
			}
		}}}, 20, nil},
		"no frame of reference in half":   {[]layer{{"a", spaced(20, 2.5, 0), 0, odd(text(0x00200052, "UI", ""))}}, 20, nil},
		"a voltage that was measured":     {[]layer{{"a", spaced(20, 2.5, 0), 0, func(z int, set dicomtest.Elements) { set.Set(voltage, "DS", [...]string{"120", "119.9"}[z%2]) }}}, 20, nil},
		"a pixel spacing that is rounded": {[]layer{{"a", spaced(20, 2.5, 0), 0, odd(text(0x00280030, "DS", `0.705\0.705`))}}, 20, nil},
		"key images": {[]layer{{"a", spaced(20, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			if z == 3 || z == 12 || z == 16 {
				set.Set(imageType, "CS", `ORIGINAL\PRIMARY\AXIAL\KEY`)
			}
		}}}, 20, nil},
		"slices that overlap": {[]layer{{"a", spaced(40, 1.25, 0), 1, text(thickness, "DS", "2.5")}}, 40, nil},
		"slices that overlap, rounded": {[]layer{{"a", spaced(40, 0.25, 0), 1, func(z int, set dicomtest.Elements) {
			text(thickness, "DS", "0.5", 0x00200032, "DS", fmt.Sprintf(`0\0\%.1f`, 0.25*float64(z)+0.001))(z, set)
		}}}, 40, nil},
		"odd slices, then even ones": {[]layer{{"a", spaced(40, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			text(thickness, "DS", "2.5", 0x00200013, "IS", fmt.Sprint(1+z/2+20*(z%2)))(z, set)
		}}}, 40, nil},
		"stations of slices that overlap": {[]layer{{"a", spaced(20, 1.25, 0), 1, text(thickness, "DS", "2.5")}, {"b", spaced(20, 1.25, 25), 101, text(thickness, "DS", "2.5")}}, 40, nil},
		"slices that overlap, two sent late": {[]layer{{"a", spaced(40, 1.25, 0), 0, func(z int, set dicomtest.Elements) {
			text(thickness, "DS", "2.5", 0x00200013, "IS", fmt.Sprint(1+z+100*(z%15/14)))(z, set)
		}}}, 40, nil},
		"slices that overlap, a few without marks": {[]layer{{"a", spaced(40, 1.25, 0), 1, func(z int, set dicomtest.Elements) {
			text(thickness, "DS", "2.5", kernel, "SH", "B30f")(z, set)
			if z%12 == 5 {
				text(acquisition, "IS", "", acquired, "TM", "", kernel, "SH", "", thickness, "DS", "")(z, set)
			}
		}}}, 40, nil},
		"every third missing": {[]layer{{"a", dicomtest.Spec{Slices: 30, Skip: []int{2, 5, 8, 11, 14, 17, 20, 23, 26, 29}}, 1, text(thickness, "DS", "2.5")}}, 20,
			[]dicomio.Code{dicomio.CodeMissingSlices}},
		"thickness that was computed": {[]layer{{"a", spaced(20, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			set.Set(thickness, "DS", fmt.Sprint(2.5+0.001*float64(z%3)))
		}}}, 20, nil},
		"the same images twice": {[]layer{{"a", spaced(20, 2.5, 0), 0, nil}, {"copy/../a2", spaced(20, 2.5, 0), 0, func(z int, set dicomtest.Elements) {
			set.Set(0x00080018, "UI", fmt.Sprintf("1.2.%d.%s", (z*7919+'a'*31)%10007, "a"))
		}}}, 20, []dicomio.Code{dicomio.CodeDuplicatePosition}},
		"a slice taken again": {[]layer{{"a", spaced(20, 2.5, 0), 0, timed(0, 0.5)}, {"b", spaced(1, 2.5, 25.02), 0, timed(30, 0)}}, 20,
			[]dicomio.Code{dicomio.CodeDuplicatePosition}},
	} {
		dir, opts := layered(t, c.layers...)
		s, err := dicomio.OpenSeries(context.Background(), dir, "", opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := codes(s); len(s.Slices) != c.slices || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %d slices, warnings %v", name, len(s.Slices), s.Warnings)
		}
	}
}

// TestWhatNothingTellsApartIsRefused: images that alternate, and all their
// marks are the same.
func TestWhatNothingTellsApartIsRefused(t *testing.T) {
	for name, from := range map[string]float64{"same positions": 0, "0.02 mm apart": 0.02, "0.3 mm apart": 0.3} {
		dir, opts := layered(t, layer{"a", spaced(20, 2.5, 0), 1, nil}, layer{"b", spaced(20, 2.5, from), 1, nil})
		if _, err := dicomio.OpenSeries(context.Background(), dir, "", opts); dicomio.CodeOf(err) != dicomio.CodeMixedVolumes {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSlicesThatOverlapAndAlternate: two passes whose slices alternate, and neither
// clock nor number parts them, but they cannot be one scan.
func TestSlicesThatOverlapAndAlternate(t *testing.T) {
	noNumber := text(thickness, "DS", "2.5", 0x00200013, "IS", "")
	same := text(thickness, "DS", "2.5")
	for name, layers := range map[string][]layer{
		"0.5 mm apart, no numbers":        {{"a", spaced(20, 2.5, 0), 0, noNumber}, {"b", spaced(20, 2.5, 0.5), 0, noNumber}},
		"0.8 mm apart, no numbers":        {{"a", spaced(20, 2.5, 0), 0, noNumber}, {"b", spaced(20, 2.5, 0.8), 0, noNumber}},
		"half a slice apart, same number": {{"a", spaced(20, 2.5, 0), 1, same}, {"b", spaced(20, 2.5, 1.25), 1, same}},
	} {
		dir, opts := layered(t, layers...)
		if s, err := dicomio.OpenSeries(context.Background(), dir, "", opts); dicomio.CodeOf(err) != dicomio.CodeMixedVolumes {
			t.Errorf("%s: %v %v", name, s, err)
		}
	}
}

// TestPreferredKernel: a setting decides between kernels, and only between them.
func TestPreferredKernel(t *testing.T) {
	dir, _ := layered(t, layer{"a", spaced(20, 2.5, 0), 0, text(kernel, "SH", "B30f")}, layer{"b", spaced(20, 2.5, 0), 0, text(kernel, "SH", "B70f")},
		layer{"c", spaced(10, 5, 0), 0, text(kernel, "SH", "LUNG")})
	for _, c := range []struct {
		kernels []string
		want    string
	}{{[]string{"b70F"}, "B70F"}, {[]string{"B30f", "B70f"}, "B30F"}, {[]string{"LUNG", "none", "B70f"}, "B70F"}} {
		s, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{Kernels: c.kernels})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range s.Volumes {
			if v.Why == "" && v.Kernel != c.want {
				t.Errorf("%v: taken is %+v", c.kernels, v)
			}
		}
		if math.Abs(s.Geometry.SpacingMM[0]-2.5) > 1e-6 {
			t.Errorf("%v: spacing %v", c.kernels, s.Geometry.SpacingMM)
		}
	}
}
