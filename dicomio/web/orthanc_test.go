package web_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// connect makes a client of a test's Orthanc.
func connect(t testing.TB, opts web.Options) *web.Client {
	t.Helper()
	c, err := web.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// series writes one and opens it from its folder.
func series(t testing.TB, spec dicomtest.Spec) (dir string, local *dicomio.Series) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "ct")
	if err := dicomtest.WriteSeries(dir, spec); err != nil {
		t.Fatal(err)
	}
	return dir, openLocal(t, dir)
}

func openLocal(t testing.TB, dir string) *dicomio.Series {
	t.Helper()
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same fails where two series differ in anything but where they lie.
func same(t *testing.T, local, remote *dicomio.Series) {
	t.Helper()
	if d := cmp.Diff(local, remote, cmpopts.IgnoreUnexported(dicomio.Series{}, dicomio.Slice{}), cmpopts.IgnoreFields(dicomio.Slice{}, "Path"), cmpopts.IgnoreFields(dicomio.Series{}, "Modified", "FolderModified")); d != "" {
		t.Fatalf("series (-folder +PACS):\n%s", d)
	}
	if a, b := local.InstanceDigest(), remote.InstanceDigest(); a != b {
		t.Errorf("digests %s and %s", a, b)
	}
}

func sameHU(t *testing.T, local, remote *dicomio.Series, first, count int) {
	t.Helper()
	want, err := local.HU(t.Context(), first, count)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.HU(t.Context(), first, count)
	if err != nil {
		t.Fatal(err)
	}
	if got.First != want.First || got.Count != want.Count || !slices.Equal(want.HU, got.HU) || !slices.Equal(want.Padding, got.Padding) {
		t.Errorf("slices %d to %d differ", first, first+count-1)
	}
}

func TestOrthancGivesTheVolumeOfTheFolder(t *testing.T) {
	pad := -2000
	server := orthanctest.Start(t, orthanctest.Settings{})
	client := connect(t, server.Options())
	for n, spec := range map[int]dicomtest.Spec{
		1: {Slices: 12, Spacing: [3]float64{0.625, 0.703125, 0.703125}, Origin: [3]float64{-181.3, -179.648438, -361.5}, Intercept: -1024, Slope: 1.5, Padding: &pad},
		2: {Slices: 10, TiltDeg: 18.5, Unsigned: true, Bits: 12, Intercept: -1024, Stored: func(z, y, x int) int { return z*200 + y*10 + x }},
		3: {Slices: 9, Skip: []int{4}, Double: []int{6}, Jitter: map[int]float64{2: 0.4}, Syntax: dicomtest.RLE},
		4: {Slices: 5, Syntax: dicomtest.Implicit},
	} {
		spec.StudyUID = fmt.Sprintf("1.2.826.0.1.3680043.10.9.2.%d", n)
		dir, local := series(t, spec)
		store(t, server, client, dir, n%2 == 0)
		remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, local, remote)
		sameHU(t, local, remote, 2, 3)
		sameHU(t, local, remote, 0, len(local.Slices))
	}
}

// TestOrthancThatTellsLittle has one that sends only what it indexes.
func TestOrthancThatTellsLittle(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{
		"DicomWeb": map[string]any{"Enable": true, "Root": "/dicom-web/", "SeriesMetadata": "MainDicomTags"},
	}})
	client := connect(t, server.Options())
	dir, local := series(t, dicomtest.Spec{Slices: 6})
	server.StoreSCU(dir)
	remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, local, remote)
	sameHU(t, local, remote, 0, 6)
}

// store sends the files of a folder by C-STORE or by STOW-RS. storescu sends no
// RLE, which Orthanc stores as it is.
func store(t *testing.T, server *orthanctest.Server, client *web.Client, dir string, bySCU bool) {
	t.Helper()
	if bySCU {
		server.StoreSCU(dir)
		return
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	var files [][]byte
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if _, err := client.Store(t.Context(), files...); err != nil {
		t.Fatal(err)
	}
}

func TestOrthancIsSearched(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{TLS: true})
	client := connect(t, server.Options())
	if found, err := client.Studies(t.Context(), web.Query{}); err != nil || len(found) != 0 {
		t.Fatalf("an empty PACS holds %d studies, %v", len(found), err)
	}
	var files [][]byte
	for n := range 5 {
		spec := dicomtest.Spec{Slices: 3, StudyUID: fmt.Sprintf("1.2.826.0.1.3680043.10.9.3.%d", n)}
		for z := range 3 {
			file, err := dicomtest.Encode(spec, z)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	if _, err := client.Store(t.Context(), files...); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]int{0: 5, 3: 3, 9: 5} {
		found, err := client.Studies(t.Context(), web.Query{Page: 2, Limit: limit})
		if err != nil || len(found) != want {
			t.Errorf("%d studies with limit %d, want %d: %v", len(found), limit, want, err)
		}
	}
	const study = "1.2.826.0.1.3680043.10.9.3.4"
	found, err := client.Studies(t.Context(), web.Query{Match: map[string]string{"StudyInstanceUID": study}})
	if err != nil || len(found) != 1 || found[0].Text(web.TagStudyUID) != study {
		t.Errorf("%v, %v", found, err)
	}
	found, err = client.Series(t.Context(), study, web.Query{Match: map[string]string{"Modality": "CT"}})
	if err != nil || len(found) != 1 || found[0].Text(web.TagSeriesUID) != study+".2" || found[0].Text(web.TagModality) != "CT" {
		t.Errorf("%v, %v", found, err)
	}
	if n, ok := found[0].Int(web.TagSeriesImages); !ok || n != 3 {
		t.Errorf("%d images", n)
	}
	if found, err = client.Series(t.Context(), study, web.Query{Match: map[string]string{"Modality": "SR"}}); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	found, err = client.Instances(t.Context(), study, study+".2", web.Query{Page: 2})
	if err != nil || len(found) != 3 {
		t.Errorf("%v, %v", found, err)
	}
	file, err := client.Instance(t.Context(), study, study+".2", found[0].Text(web.TagSOPInstanceUID))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := dicomio.Identify(file); err != nil || id.SOPInstanceUID != found[0].Text(web.TagSOPInstanceUID) || id.SOPClassUID != found[0].Text(web.TagSOPClassUID) {
		t.Errorf("%+v, %v", id, err)
	}

	untrusting := server.Options()
	untrusting.CAFile = ""
	_, err = connect(t, untrusting).Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeDenied)
	stranger := server.Options()
	stranger.User, stranger.PasswordFile = "", ""
	_, err = connect(t, stranger).Studies(t.Context(), web.Query{})
	wantCode(t, err, dicomio.CodeDenied)
}

func TestOrthancKeepsOneOfWhatIsStoredTwice(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	client := connect(t, server.Options())
	var files [][]byte
	for z := range 3 {
		file, err := dicomtest.Encode(dicomtest.Spec{}, z)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for round, want := range [][]web.StoreStatus{
		{web.Stored, web.Stored}, {web.Existed, web.Existed, web.Stored}, {web.Existed, web.Existed, web.Existed},
	} {
		results, err := client.Store(t.Context(), append(files[:len(want):len(want)], files[0])...)
		if err != nil || len(results) != len(want) {
			t.Fatalf("round %d: %v, %v", round, results, err)
		}
		for i, r := range results {
			if r.Status != want[i] {
				t.Errorf("round %d: instance %d is %s, want %s", round, i, r.Status, want[i])
			}
		}
		if n := server.Count(); n != len(want) {
			t.Errorf("round %d: Orthanc holds %d instances, want %d", round, n, len(want))
		}
	}
	_, err := client.Store(t.Context(), []byte("no DICOM"))
	wantCode(t, err, dicomio.CodeUnreadable)
}

func TestOrthancKilledInTheMiddle(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	opts := server.Options()
	opts.CacheBytes = 1 // every image is fetched
	client := connect(t, opts)
	dir, local := series(t, dicomtest.Spec{Slices: 20})
	server.StoreSCU(dir)
	remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameHU(t, local, remote, 0, 5)

	server.Kill()
	_, err = remote.HU(t.Context(), 5, 5)
	wantCode(t, err, dicomio.CodeUnreachable)
	_, err = client.Store(t.Context(), mustEncode(t, dicomtest.Spec{StudyUID: "1.2.3"}))
	wantCode(t, err, dicomio.CodeUnreachable)

	patient := server.Options()
	patient.Attempts, patient.RetryDelay = 20, time.Second
	stored := make(chan error, 1)
	go func() {
		_, err := connect(t, patient).Store(context.Background(), mustEncode(t, dicomtest.Spec{StudyUID: "1.2.3"}))
		stored <- err
	}()
	server.Restart()
	if err := <-stored; err != nil {
		t.Errorf("what was to be stored while Orthanc was away: %v", err)
	}
	if n := server.Count(); n != 21 {
		t.Errorf("Orthanc holds %d instances, want 21", n)
	}
	again, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, local, again)
	sameHU(t, local, again, 5, 15)
}

func TestOrthancDoesNotHold(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{})
	client := connect(t, server.Options())
	_, err := client.Open(t.Context(), "1.2.3", "1.2.3.4", dicomio.Options{})
	wantCode(t, err, dicomio.CodeNotStored)
	_, err = client.Instance(t.Context(), "1.2.3", "1.2.3.4", "1.2.3.4.5")
	wantCode(t, err, dicomio.CodeNotStored)

	spec := dicomtest.Spec{Modality: "MR", SOPClass: "1.2.840.10008.5.1.4.1.1.4"}
	if _, err := client.Store(t.Context(), mustEncode(t, spec)); err != nil {
		t.Fatal(err)
	}
	_, err = client.Open(t.Context(), "1.2.826.0.1.3680043.10.9.1", "1.2.826.0.1.3680043.10.9.1.2", dicomio.Options{})
	wantCode(t, err, dicomio.CodeNotCT)
}

// TestOrthancWithRealCT reads real series both ways.
func TestOrthancWithRealCT(t *testing.T) {
	data := checktest.Data(t)
	server := orthanctest.Start(t, orthanctest.Settings{})
	client := connect(t, server.Options())
	for _, name := range []string{"LIDC-IDRI-0001", "LIDC-IDRI-0003"} {
		// A part of each, for the way into the PACS takes time.
		whole, dir := openLocal(t, filepath.Join(data, "ct", name)), t.TempDir()
		for z := 40; z < 56; z++ {
			file, err := os.ReadFile(whole.Slices[z].Path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.dcm", 99-z)), file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		local := openLocal(t, dir)
		server.StoreSCU(dir)
		remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, local, remote)
		sameHU(t, local, remote, 0, len(local.Slices))
	}
}

func mustEncode(t testing.TB, spec dicomtest.Spec) []byte {
	t.Helper()
	file, err := dicomtest.Encode(spec, 0)
	if err != nil {
		t.Error(err)
	}
	return file
}

func wantCode(t testing.TB, err error, code dicomio.Code) {
	t.Helper()
	if dicomio.CodeOf(err) != code {
		t.Errorf("error %v, want code %s", err, code)
	}
	if err != nil && strings.Contains(err.Error(), "1.2.") {
		t.Errorf("the error names a UID: %v", err)
	}
}
