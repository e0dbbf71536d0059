package plugin

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// TestRetrainingAPI: administrators alone look after models; a change needs the token of
// the session, and two persons where the setting says so.
func TestRetrainingAPI(t *testing.T) {
	cfg := reviewConfig(t)
	cfg.UseModels, cfg.ModelVersion, cfg.Consent = stampedModels, store.Shipped, 2
	m := importModels(t, cfg.DataDir, 41)[0]
	scan := make([]float32, 28*28*28)
	log, err := shadow.Start(cfg.DataDir, shadow.Run{Candidate: shadow.Named{Version: m.Version, Set: m.Set}, Beside: shadow.Named{Version: store.Shipped}, By: "ada", Nodules: 10, Days: 1})
	plugintest.Must(t, err)
	_, err = log.Add([]shadow.Record{{Time: time.Now(), Result: "sha256:" + strings.Repeat("a", 64), Finding: 1, Pairs: []shadow.Pair{{Name: "vae-ad"}}}, {Finding: 2}}, [][]float32{scan, nil}, shadow.Counts{Series: 1})
	plugintest.Must(t, err)
	plugintest.Must(t, log.End("a test"))
	p := start(t, cfg)
	const root = "/api/v1/retraining"
	paths := []string{root, root + "/versions/" + m.Version, root + "/shadow", root + "/shadow/pictures/1", root + "/drift"}
	stranger, ann, ada, alan := newBrowser(t, p.ReviewURL()), signIn(t, p, "ann"), signIn(t, p, "ada"), signIn(t, p, "alan")
	for _, path := range paths {
		stranger.code(401, "not_signed_in", "GET", path, "")
		ann.code(403, "forbidden", "GET", path, "")
		ada.get(strings.TrimSuffix(path, "/shadow/pictures/1"), nil)
	}
	if res, png := ada.do("GET", root+"/shadow/pictures/1", nil); res.StatusCode != 200 || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("%d, %d bytes", res.StatusCode, len(png))
	}
	for _, n := range []string{"0", "2", "3", "101", "x"} { // the second has no scan
		ada.code(404, "not_found", "GET", root+"/shadow/pictures/"+n, "")
	}
	ada.code(404, "not_found", "GET", root+"/versions/..%2Fpromoted", "")
	ada.code(404, "model_unknown", "GET", root+"/versions/20250101-00000000", "")
	ada.get(root+"/versions/shipped", nil)
	var seen struct {
		Follows  bool
		Current  store.Promotion
		Consent  store.Consent
		Versions []struct {
			Version string
			Scores  bool
		}
	}
	ada.get(root, &seen)
	if !seen.Follows || seen.Current.Version != store.Shipped || seen.Consent.Persons != 2 || len(seen.Versions) != 2 || seen.Versions[0].Version != m.Version || !seen.Versions[1].Scores {
		t.Errorf("%+v", seen)
	}

	const changes = root + "/changes"
	promote := `{"version":"` + m.Version + `"}`
	forced := `{"version":"` + m.Version + `","forced":true,"reason":"a trial"}`
	stranger.code(401, "not_signed_in", "POST", changes, promote)
	ann.code(403, "forbidden", "POST", changes, promote)
	ada.code(403, "csrf_failed", "POST", changes, forced, func(r *http.Request) { r.Header.Set("X-CSRF-Token", "x") })
	ada.code(403, "cross_origin", "POST", changes, forced, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	for _, bad := range []string{
		`{}`, `{"version":"` + m.Version + `","rollback":true}`, `{"version":"../x"}`, `{"version":"` + m.Version + `","forced":true}`, `{"rollback":true,"forced":true,"reason":"x"}`,
		`{"rollback":true,"reason":"` + strings.Repeat("x", 501) + `"}`, `{"version":"` + m.Version + `","by":"alan"}`,
	} {
		ada.code(400, "request_invalid", "POST", changes, bad)
	}
	ada.code(409, "model_not_compared", "POST", changes, promote)
	ada.code(404, "model_unknown", "POST", changes, `{"version":"20250101-00000000"}`)
	ada.code(409, "promotion_invalid", "POST", changes, `{"rollback":true}`)
	ada.code(409, "consent_void", "POST", changes, `{"approve":"none"}`)
	var done struct {
		store.Changed
		Waits bool
	}
	change := func(b *browser, c map[string]any) {
		t.Helper()
		done.Changed = store.Changed{}
		b.json(200, "POST", changes, c, &done)
	}
	change(ada, map[string]any{"version": m.Version, "forced": true, "reason": "a trial"})
	if v := p.Version().ModelVersion; !done.Waits || v != store.Shipped {
		t.Fatalf("%+v, %s scores", done, v)
	}
	id := done.Request.ID
	ada.code(409, "consent_same_person", "POST", changes, `{"approve":"`+id+`"}`)
	alan.code(409, "consent_pending", "POST", changes, forced)
	change(alan, map[string]any{"approve": id})
	if v := p.Version().ModelVersion; done.Waits || done.Service != store.ServiceSwitched || v != m.Version {
		t.Errorf("%+v, %s scores", done, v)
	}
	plugintest.Must(t, p.stop())
	var kinds []string
	for _, r := range auditRecords(t, cfg) {
		if len(r.Models) == 2 || r.Kind == audit.KindView {
			kinds = append(kinds, strings.TrimSpace(r.Kind+" "+r.User+" "+r.Approved+" "+r.Detail))
		}
	}
	want := []string{"view ada  retraining", "view ada  shadow", "requested ada  shipped to " + m.Version, "promoted ada alan shipped to " + m.Version}
	if !slices.Equal(kinds, want) {
		t.Errorf("the audit trail has %q", kinds)
	}
}
