package dataset

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

func headerOf(p patient) sr.Header {
	return sr.Header{PatientID: p.id, PatientName: p.name, PatientBirthDate: p.birth, PatientSex: p.sex}
}

func readAll(t *testing.T, text string) ([]bus.Review, error) {
	t.Helper()
	var all []bus.Review
	err := ReadReviews(checktest.WriteFile(t, "reviews", []byte(text)), func(r bus.Review) { all = append(all, r) })
	return all, err
}

// The export of the review page is read as what was decided.
func TestReadExport(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	plugintest.Must(t, err)
	defer func() { plugintest.Must(t, db.Close()) }()
	s, err := store.Open(db)
	plugintest.Must(t, err)
	identity := "sha256:" + strings.Repeat("a", 64)
	record := store.Record{ID: store.IDOf(identity), Site: "local", Nodules: 1, Result: &bus.Result{
		Identity: identity, SeriesUID: "1.2", Nodules: []bus.ResultNodule{{JobNodule: bus.JobNodule{ID: "=n1"}}}}}
	plugintest.Must(t, db.Update(func(tx *bbolt.Tx) error { return s.Add(tx, record) }))
	_, _, err = s.Decide(record, 1, store.NewDecision{Verdict: bus.NotNodule, Kind: "vessel", Comment: "a\n,\"b\""}, "ann", time.Unix(1700000000, 0).UTC())
	plugintest.Must(t, err)
	var text strings.Builder
	plugintest.Must(t, s.WriteCSV(&text, false))
	all, err := readAll(t, text.String())
	plugintest.Must(t, err)
	if len(all) != 1 || all[0].Identity != identity || all[0].NoduleID != "=n1" || all[0].Verdict != bus.NotNodule || all[0].Kind != "vessel" || all[0].Version != 1 || all[0].Reviewer != "ann" ||
		all[0].Time.Unix() != 1700000000 {
		t.Errorf("%+v", all)
	}
}

func TestReadJSON(t *testing.T) {
	one, err := json.Marshal(bus.Review{Identity: "a", NoduleID: "n", Decision: "accept", Reviewer: "ann", Version: 1})
	plugintest.Must(t, err)
	all, err := readAll(t, string(one)+"\n\n"+string(one))
	if err != nil || len(all) != 2 {
		t.Errorf("%d, %v", len(all), err)
	}
	for _, text := range []string{"{", `{"identity": 1}`, `{"identity": "a", "nodule_id": "n", "reviewer": "r", "decision": "ZZMARK"}`, "ZZMARK", "a,b\n1,2", "[]",
		"identity,nodule_id,version,decision,reason,reviewer,time\na,n,ZZMARK,accept,,r,2026-01-31T08:00:00Z\n"} {
		_, err := readAll(t, text)
		plugintest.WantCode(t, err, CodeInput)
		if strings.Contains(err.Error(), "ZZMARK") {
			t.Errorf("a value is shown: %v", err)
		}
	}
	if all, err := readAll(t, ""); err != nil || all != nil {
		t.Errorf("an empty file: %v", err)
	}
	plugintest.WantCode(t, ReadResults(checktest.WriteFile(t, "results", []byte(`{"identity": "a"}`)), func(bus.Result) {}), CodeInput)
	plugintest.WantCode(t, ReadResults(filepath.Join(t.TempDir(), "none"), func(bus.Result) {}), CodeInput)
}

// FuzzRead: no file makes the readers panic or take a value that nothing could be
// made of.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"identity": "a", "series_uid": "1", "nodule_id": "n", "decision": "accept", "reviewer": "r"}`))
	f.Add([]byte("identity,nodule_id,version,decision,reason,reviewer,time\na,n,1,reject,vessel,r,2026-01-31T08:00:00Z\n"))
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, text []byte) {
		plugintest.Must(t, os.WriteFile(path, text, 0o600))
		err := ReadReviews(path, func(r bus.Review) {
			if r.Identity == "" || r.NoduleID == "" || r.Verdict == "" {
				t.Errorf("%+v", r)
			}
		})
		if err != nil {
			plugintest.WantCode(t, err, CodeInput)
		}
		if err := ReadResults(path, func(r bus.Result) {
			if r.Identity == "" || r.SeriesUID == "" {
				t.Errorf("%+v", r)
			}
		}); err != nil {
			plugintest.WantCode(t, err, CodeInput)
		}
	})
}

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.key")
	_, err := ReadKey(path)
	plugintest.WantCode(t, err, CodeKey)
	key, made, err := LoadKey(path)
	plugintest.Must(t, err)
	again, second, err := LoadKey(path)
	plugintest.Must(t, err)
	info, err := os.Stat(path)
	plugintest.Must(t, err)
	if !made || second || key.patient("1") != again.patient("1") || key.patient("1") == key.patient("2") || info.Mode().Perm() != 0o600 {
		t.Errorf("made %t, %t, mode %o", made, second, info.Mode().Perm())
	}
	other, _, err := LoadKey(filepath.Join(t.TempDir(), "site.key"))
	plugintest.Must(t, err)
	if other.patient("1") == key.patient("1") || other.Fingerprint() == key.Fingerprint() {
		t.Error("two keys give the same names")
	}
	plugintest.Must(t, os.Chmod(path, 0o644))
	_, _, err = LoadKey(path)
	plugintest.WantCode(t, err, CodeKey)
	plugintest.Must(t, os.WriteFile(path, []byte("secret"), 0o600))
	plugintest.Must(t, os.Chmod(path, 0o600))
	_, _, err = LoadKey(path)
	plugintest.WantCode(t, err, CodeKey)
	if strings.Contains(err.Error(), "secret\"") {
		t.Error("the error shows the key")
	}
	_, _, err = LoadKey(filepath.Join(t.TempDir(), "none", "site.key"))
	plugintest.WantCode(t, err, CodeKey)
}
