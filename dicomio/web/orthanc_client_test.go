package web_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
)

func orthanc(t *testing.T, opts web.Options) *web.Orthanc {
	t.Helper()
	root, err := web.RootOf(opts.URL)
	if err != nil {
		t.Fatal(err)
	}
	opts.URL = root
	o, err := web.NewOrthanc(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// TestOrthancTellsWhatChanged follows the journal of a real Orthanc from
// position to position, until a series is stable.
func TestOrthancTellsWhatChanged(t *testing.T) {
	server := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{"StableAge": 1}})
	o := orthanc(t, server.Options())
	if last, err := o.LastChange(t.Context()); err != nil || last != 0 {
		t.Fatalf("the journal of an empty server ends at %d, %v", last, err)
	}
	folder, local := series(t, dicomtest.Spec{Slices: 5})
	server.StoreSCU(folder)
	var position int64
	var found []web.OrthancSeries
	seen := map[string]int{}
	waitFor(t, func() bool {
		changes, last, done, err := o.Changes(t.Context(), position, 2)
		if err != nil || len(changes) > 2 || last < position {
			t.Fatalf("%d changes, last %d after %d, done %t, %v", len(changes), last, position, done, err)
		}
		for _, c := range changes {
			seen[c.Kind]++
			if c.Kind != web.ChangeStableSeries {
				continue
			}
			s, err := o.Series(t.Context(), c.ID)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, s)
		}
		position = last
		return len(found) > 0
	})
	s := found[0]
	if s.StudyUID != local.StudyUID || s.SeriesUID != local.SeriesUID || s.Modality != "CT" || !s.Stable || len(s.Instances) != 5 || seen[web.ChangeNewSeries] != 1 {
		t.Errorf("%+v, %v", s, seen)
	}
	file, err := o.File(t.Context(), s.Instances[0])
	if id, e := dicomio.Identify(file); err != nil || e != nil || id.SeriesUID != local.SeriesUID {
		t.Errorf("%+v, %v, %v", id, err, e)
	}
	if last, err := o.LastChange(t.Context()); err != nil || last < position {
		t.Errorf("the journal ends at %d, %v", last, err)
	}
	if changes, last, done, err := o.Changes(t.Context(), 1<<40, 10); err != nil || len(changes) != 0 || last >= 1<<40 || !done {
		t.Errorf("behind the end: %d changes, last %d, %v", len(changes), last, err)
	}
	if _, err := o.Series(t.Context(), "00000000-00000000-00000000-00000000-00000000"); dicomio.CodeOf(err) != dicomio.CodeNotStored || web.StatusOf(err) != http.StatusNotFound {
		t.Errorf("a series that is not there: %v", err)
	}
	if _, err := o.File(t.Context(), "../patients"); dicomio.CodeOf(err) != dicomio.CodeArchiveFailed {
		t.Errorf("an id that leads elsewhere: %v", err)
	}
}

// TestStoreAddress holds that instances go to another address than the one
// that is asked, where the options say so.
func TestStoreAddress(t *testing.T) {
	var asked, stored int
	client := faulty(t, func(o *web.Options) { o.StoreURL = o.URL + "/elsewhere/" }, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/elsewhere/studies"):
			stored++
			w.WriteHeader(http.StatusNoContent)
		case r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "elsewhere"):
			asked++
			if stored == 0 {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			answerJSON(w, `[{"00080018":{"vr":"UI","Value":["`+r.URL.Query().Get("SOPInstanceUID")+`"]}}]`)
		default:
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
	})
	folder, _ := series(t, dicomtest.Spec{Slices: 3})
	names, err := filepath.Glob(filepath.Join(folder, "*.dcm"))
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	file, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	results, err := client.Store(t.Context(), file)
	if err != nil || len(results) != 1 || results[0].Status != web.Stored || stored != 1 || asked != 2 {
		t.Errorf("%+v, %v: asked %d times, stored %d times", results, err, asked, stored)
	}
	if _, err := web.New(web.Options{URL: "http://127.0.0.1", StoreURL: "ftp://127.0.0.1"}); err == nil || !strings.Contains(err.Error(), "store-url") {
		t.Errorf("%v", err)
	}
}

// FuzzOrthanc gives a client answers that no Orthanc makes.
func FuzzOrthanc(f *testing.F) {
	f.Add([]byte(`{"Changes":[{"ChangeType":"StableSeries","ResourceType":"Series","ID":"a-b","Seq":3}],"Last":3,"Done":true}`))
	f.Add([]byte(`{"MainDicomTags":{"SeriesInstanceUID":"1.2","Modality":"CT","StudyInstanceUID":"1"},"ParentStudy":"a","Instances":["b"],"ExpectedNumberOfInstances":null}`))
	f.Add([]byte(`{"Last":-1e300}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		client := faulty(t, func(o *web.Options) { o.Attempts = 1 }, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
		o, err := web.NewOrthanc(web.Options{URL: client.URL(), Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if _, _, _, err := o.Changes(t.Context(), 0, 10); err != nil && dicomio.CodeOf(err) == "" {
			t.Errorf("no code: %v", err)
		}
		s, err := o.Series(t.Context(), "a")
		if err != nil && dicomio.CodeOf(err) == "" {
			t.Errorf("no code: %v", err)
		}
		if err == nil && (!web.ValidUID(s.SeriesUID) || !web.ValidUID(s.StudyUID) || s.Expected < 0) {
			t.Errorf("%+v", s)
		}
		if file, err := o.File(t.Context(), "a"); err != nil || !bytes.Equal(file, answer) {
			t.Errorf("%d bytes of %d, %v", len(file), len(answer), err)
		}
	})
}
