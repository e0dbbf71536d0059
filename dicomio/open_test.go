package dicomio_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// write puts a series into a new folder below dir.
func write(t *testing.T, dir string, spec dicomtest.Spec) string {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	if err := dicomtest.WriteSeries(dir, spec); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, spec dicomtest.Spec) *dicomio.Series {
	t.Helper()
	s, err := dicomio.OpenSeries(context.Background(), write(t, "", spec), "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func warned(s *dicomio.Series, code dicomio.Code) string {
	for _, w := range s.Warnings {
		if w.Code == code {
			return w.Detail
		}
	}
	return ""
}

func TestOpenMixedFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), dicomtest.Spec{SeriesUID: "1.2.1", Slices: 5})
	write(t, filepath.Join(dir, "b", "deep"), dicomtest.Spec{SeriesUID: "1.2.2"})
	write(t, filepath.Join(dir, "b"), dicomtest.Spec{SeriesUID: "1.2.3", Modality: "MR", SOPClass: "1.2.840.10008.5.1.4.1.1.4"})
	write(t, filepath.Join(dir, "b"), dicomtest.Spec{SeriesUID: "1.2.4", ImageType: `ORIGINAL\PRIMARY\LOCALIZER`, ScanOrder: true})
	for name, content := range map[string]string{
		"notes.txt": "a report", "empty": "", "short": "\x08\x00", "xml.xml": strings.Repeat("<a/>", 100),
		"DICOMDIR": strings.Repeat("\x00", 128) + "DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00\x04\x00\x30\x11CS\x02\x00A ",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "loop")); err != nil {
		t.Logf("no symbolic links here: %v", err)
	}
	all, err := dicomio.Open(context.Background(), dir, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].SeriesUID != "1.2.1" || all[1].SeriesUID != "1.2.2" || len(all[0].Slices) != 5 || len(all[1].Slices) != 4 {
		t.Fatalf("got %d series: %+v", len(all), all)
	}
	for _, s := range all {
		if len(s.Warnings) > 0 {
			t.Errorf("series %s warns %v", s.SeriesUID, s.Warnings)
		}
	}
	for uid, want := range map[string]dicomio.Code{
		"": dicomio.CodeSeriesAmbiguous, "1.2.1": "", "1.2.3": dicomio.CodeNotCT, "1.2.4": dicomio.CodeNotCT, "9.9": dicomio.CodeSeriesNotFound,
	} {
		s, err := dicomio.OpenSeries(context.Background(), dir, uid, dicomio.Options{})
		if got := dicomio.CodeOf(err); got != want {
			t.Errorf("series %q: %v, want code %q", uid, err, want)
		}
		if err == nil && s.SeriesUID != uid {
			t.Errorf("series %q came for %q", s.SeriesUID, uid)
		}
	}
	_, err = dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	if err == nil || !strings.Contains(err.Error(), "holds 2 CT series") {
		t.Errorf("ambiguity does not say how many: %v", err)
	}
}

func TestOpenThroughLink(t *testing.T) {
	dir := write(t, "", dicomtest.Spec{})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if _, err := dicomio.OpenSeries(context.Background(), link, "", dicomio.Options{}); err != nil {
		t.Fatal(err)
	}
}

// TestRefused holds every way in which a folder of one series is refused.
func TestRefused(t *testing.T) {
	text := func(tag uint32, vr, v string) func(int, dicomtest.Elements) {
		return func(_ int, set dicomtest.Elements) { set.Set(tag, vr, v) }
	}
	drop := func(tags ...uint32) func(int, dicomtest.Elements) {
		return func(_ int, set dicomtest.Elements) {
			for _, tag := range tags {
				delete(set, tag)
			}
		}
	}
	short := func(tag uint32, v uint16) func(int, dicomtest.Elements) {
		return func(_ int, set dicomtest.Elements) { set[tag] = dicomtest.Element{VR: "US", Value: []uint16{v}} }
	}
	all := []int{0, 1, 2, 3}
	for name, c := range map[string]struct {
		spec dicomtest.Spec
		want dicomio.Code
	}{
		"truncated":           {dicomtest.Spec{Truncate: all}, dicomio.CodeTruncated},
		"truncated RLE later": {dicomtest.Spec{Slices: 1, Syntax: dicomtest.RLE}, dicomio.CodeTooFewSlices},
		"no pixels":           {dicomtest.Spec{NoPixels: all}, dicomio.CodeNoPixelData},
		"not CT":              {dicomtest.Spec{Modality: "MR", SOPClass: "1.2.840.10008.5.1.4.1.1.4"}, dicomio.CodeNotCT},
		"MR called CT image":  {dicomtest.Spec{Modality: "MR"}, dicomio.CodeNotCT},
		"capture called CT":   {dicomtest.Spec{SOPClass: "1.2.840.10008.5.1.4.1.1.7"}, dicomio.CodeNotCT},
		"screen in a scan":    {dicomtest.Spec{SOPClass: "1.2.840.10008.5.1.4.1.1.7", Modality: "OT"}, dicomio.CodeNotCT},
		"localizers":          {dicomtest.Spec{ImageType: `ORIGINAL\PRIMARY\LOCALIZER`}, dicomio.CodeNotCT},
		"enhanced, no groups": {dicomtest.Spec{SOPClass: "1.2.840.10008.5.1.4.1.1.2.1"}, dicomio.CodeUnreadable},
		"frames":              {dicomtest.Spec{Edit: text(0x00280008, "IS", "2")}, dicomio.CodeMultiFrame},
		"one slice":           {dicomtest.Spec{Slices: 1}, dicomio.CodeTooFewSlices},
		"one position":        {dicomtest.Spec{Edit: text(0x00200032, "DS", `0\0\0`)}, dicomio.CodeTooFewSlices},
		"no position":         {dicomtest.Spec{Edit: drop(0x00200032)}, dicomio.CodeNoPosition},
		"NaN position":        {dicomtest.Spec{Edit: text(0x00200032, "DS", `0\NaN\0`)}, dicomio.CodeNoPosition},
		"infinite position":   {dicomtest.Spec{Edit: text(0x00200032, "DS", `0\0\Inf`)}, dicomio.CodeNoPosition},
		"absurd position":     {dicomtest.Spec{Edit: text(0x00200032, "DS", `0\0\1e30`)}, dicomio.CodeNoPosition},
		"two coordinates":     {dicomtest.Spec{Edit: text(0x00200032, "DS", `0\0`)}, dicomio.CodeNoPosition},
		"no orientation":      {dicomtest.Spec{Edit: drop(0x00200037)}, dicomio.CodeNoPosition},
		"NaN orientation":     {dicomtest.Spec{Edit: text(0x00200037, "DS", `1\0\0\0\NaN\0`)}, dicomio.CodeNoPosition},
		"skewed orientation":  {dicomtest.Spec{Edit: text(0x00200037, "DS", `1\0\0\0.6\0.8\0`)}, dicomio.CodeNoPosition},
		"zero orientation":    {dicomtest.Spec{Edit: text(0x00200037, "DS", `0\0\0\0\0\0`)}, dicomio.CodeNoPosition},
		"wrong orientation":   {dicomtest.Spec{Edit: text(0x00200037, "DS", `1\0\0\0\0.5\-0.8660254`)}, dicomio.CodeNoPosition},
		"no spacing":          {dicomtest.Spec{Edit: drop(0x00280030)}, dicomio.CodeNoPixelSpacing},
		"zero spacing":        {dicomtest.Spec{Edit: text(0x00280030, "DS", `0\0.7`)}, dicomio.CodeNoPixelSpacing},
		"negative spacing":    {dicomtest.Spec{Edit: text(0x00280030, "DS", `0.7\-0.7`)}, dicomio.CodeNoPixelSpacing},
		"NaN spacing":         {dicomtest.Spec{Edit: text(0x00280030, "DS", `NaN\0.7`)}, dicomio.CodeNoPixelSpacing},
		"unknown syntax":      {dicomtest.Spec{Syntax: "1.2.840.10008.1.2.4.100", Fragments: one}, dicomio.CodeTransferSyntax},
		"private syntax":      {dicomtest.Spec{Syntax: "1.2.3.4", Fragments: one}, dicomio.CodeTransferSyntax},
		"native as RLE": {dicomtest.Spec{Syntax: dicomtest.RLE, Edit: func(_ int, s dicomtest.Elements) {
			s[0x7FE00010] = dicomtest.Element{VR: "OW", Value: make([]uint16, 256)}
		}}, dicomio.CodeUnreadable},
		"colour":               {dicomtest.Spec{Edit: short(0x00280002, 3)}, dicomio.CodePixelFormat},
		"RGB":                  {dicomtest.Spec{Edit: text(0x00280004, "CS", "RGB")}, dicomio.CodePixelFormat},
		"32 bits":              {dicomtest.Spec{Edit: short(0x00280100, 32)}, dicomio.CodePixelFormat},
		"17 bits stored":       {dicomtest.Spec{Edit: short(0x00280101, 17)}, dicomio.CodePixelFormat},
		"high bit":             {dicomtest.Spec{Edit: short(0x00280102, 3)}, dicomio.CodePixelFormat},
		"no rows":              {dicomtest.Spec{Edit: drop(0x00280010)}, dicomio.CodePixelFormat},
		"huge matrix":          {dicomtest.Spec{Edit: short(0x00280010, 5000)}, dicomio.CodeLimit},
		"largest matrix":       {dicomtest.Spec{Edit: short(0x00280011, 0xFFFF)}, dicomio.CodeLimit},
		"more rows than bytes": {dicomtest.Spec{Edit: short(0x00280010, 17)}, dicomio.CodeSizeMismatch},
		"more bytes than rows": {dicomtest.Spec{Edit: short(0x00280010, 15)}, dicomio.CodeSizeMismatch},
		"no rescale":           {dicomtest.Spec{Edit: drop(0x00281052)}, dicomio.CodePixelFormat},
		"slope 0":              {dicomtest.Spec{Edit: text(0x00281053, "DS", "0")}, dicomio.CodePixelFormat},
		"no HU":                {dicomtest.Spec{Edit: text(0x00281054, "LO", "Z_EFF")}, dicomio.CodePixelFormat},
		"no UID":               {dicomtest.Spec{Edit: drop(0x00080018)}, dicomio.CodeUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "", c.spec)
			_, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
			if got := dicomio.CodeOf(err); got != c.want {
				t.Fatalf("%v, want code %q", err, c.want)
			}
			var e *dicomio.Error
			if !errors.As(err, &e) || e.Hint == "" || strings.Contains(e.Summary(), dir) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error says too little or too much: %q and %q", err, e.Summary())
			}
			if _, named := dicomio.OpenSeries(context.Background(), dir, "1.2.826.0.1.3680043.10.9.1.2", dicomio.Options{}); dicomio.CodeOf(named) != c.want {
				t.Errorf("named series: %v, want code %q", named, c.want)
			}
			if _, err := dicomio.Open(context.Background(), dir, dicomio.Options{}); dicomio.CodeOf(err) != c.want {
				t.Errorf("Open: %v, want code %q", err, c.want)
			}
		})
	}
}

func one(raw []byte) [][]byte { return [][]byte{raw} }

func TestRefusedFolder(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	_, err := dicomio.Open(ctx, filepath.Join(dir, "none"), dicomio.Options{})
	if dicomio.CodeOf(err) != dicomio.CodeFolderMissing || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	for _, uid := range []string{"", "1.2"} {
		if _, err := dicomio.OpenSeries(ctx, dir, uid, dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeFolderEmpty {
			t.Errorf("empty folder: %v", err)
		}
	}
	write(t, dir, dicomtest.Spec{})
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if _, err := dicomio.Open(ctx, files[0], dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeFolderMissing {
		t.Errorf("a file as folder: %v", err)
	}
	if _, err := dicomio.Open(ctx, dir, dicomio.Options{MaxFiles: 3}); dicomio.CodeOf(err) != dicomio.CodeLimit {
		t.Errorf("too many files: %v", err)
	}
	if _, err := dicomio.Open(ctx, dir, dicomio.Options{MaxFiles: 4}); err != nil {
		t.Errorf("as many files as allowed: %v", err)
	}
	if _, err := dicomio.Open(ctx, dir, dicomio.Options{MaxFileBytes: 100}); dicomio.CodeOf(err) != dicomio.CodeLimit {
		t.Errorf("too large files: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := dicomio.Open(gone, dir, dicomio.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestBrokenFilesAreTolerated: a series goes on without its broken files and
// says so.
func TestBrokenFilesAreTolerated(t *testing.T) {
	dir := write(t, "", dicomtest.Spec{Slices: 9, Truncate: []int{4}, NoPixels: []int{8}})
	garbage := strings.Repeat("\x00", 128) + "DICM" + strings.Repeat("\xff\x01", 90)
	if err := os.WriteFile(filepath.Join(dir, "garbage"), []byte(garbage), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Slices) != 7 {
		t.Errorf("%d slices are left, want 7", len(s.Slices))
	}
	for _, code := range []dicomio.Code{dicomio.CodeTruncated, dicomio.CodeNoPixelData, dicomio.CodeUnreadable, dicomio.CodeMissingSlices} {
		if warned(s, code) == "" {
			t.Errorf("no warning %s in %v", code, s.Warnings)
		}
	}
}

// TestBrokenRivalIsNotPassedOver: with no series named, a broken second series
// may be the one that was meant.
func TestBrokenRivalIsNotPassedOver(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), dicomtest.Spec{SeriesUID: "1.2.1"})
	write(t, filepath.Join(dir, "b"), dicomtest.Spec{SeriesUID: "1.2.2", Slices: 1})
	if _, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{}); err != nil {
		t.Errorf("a single image beside the scan: %v", err)
	}
	write(t, filepath.Join(dir, "c"), dicomtest.Spec{SeriesUID: "1.2.3", NoPixels: []int{0, 1, 2, 3}})
	if _, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeSeriesAmbiguous {
		t.Errorf("a broken series beside the scan: %v", err)
	}
}

func TestInstanceDigest(t *testing.T) {
	a, b := open(t, dicomtest.Spec{}), open(t, dicomtest.Spec{ScanOrder: true, Syntax: dicomtest.RLE})
	if a.InstanceDigest() != b.InstanceDigest() {
		t.Error("file names and syntax change the digest")
	}
	if c := open(t, dicomtest.Spec{Slices: 5}); c.InstanceDigest() == a.InstanceDigest() {
		t.Error("one more slice does not change the digest")
	}
	if d := a.InstanceDigest(); !strings.HasPrefix(d, "sha256:") || len(d) != 71 {
		t.Errorf("digest is %q", d)
	}
}
