package plugin

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/review"
)

// retraining answers the page of administrators.
type retraining struct {
	p     *Plugin
	trail *audit.Trail
}

var _ review.Retraining = retraining{}

// overview is the answer of GET /retraining; its lists are never null.
type overview struct {
	Current    store.Promotion   `json:"current"`
	Promotions []store.Promotion `json:"promotions"` // that can be rolled back, the one that counts last
	Consent    store.Consent     `json:"consent"`
	Follows    bool              `json:"follows"` // a promotion changes what this service scores with
	Key        store.PublicKey   `json:"key,omitempty"`
	Versions   []versionRow      `json:"versions"` // the newest first, the shipped one last
	Damaged    string            `json:"damaged,omitempty"`
}

type versionRow struct {
	Version    string          `json:"version"`
	Kind       string          `json:"kind"`
	Made       time.Time       `json:"made,omitzero"`
	Set        string          `json:"set"`
	Parent     string          `json:"parent,omitempty"` // version, or the digest of a set that is not here
	Signer     store.PublicKey `json:"signer,omitempty"`
	Models     []string        `json:"models"`
	Scores     bool            `json:"scores"`
	Comparison *verdict        `json:"comparison"` // with what scores now; null: none
}

// verdict is what a comparison says in short.
type verdict struct {
	Created time.Time `json:"created"`
	Allowed bool      `json:"allowed"`
	Reasons []string  `json:"reasons"`
}

func (r retraining) store() *store.Store { return store.Open(r.p.cfg.DataDir) }

// Overview implements review.Retraining.
func (r retraining) Overview(context.Context) (any, error) {
	s := r.store()
	o := overview{Promotions: []store.Promotion{}, Versions: []versionRow{}, Follows: r.p.cfg.UseModels != nil}
	list, err := s.List()
	if err != nil {
		o.Damaged = coded.Summary(err)
	}
	shipped, err := s.Find(store.Shipped)
	if err != nil {
		return nil, err
	}
	if o.Current, err = s.Current(); err != nil {
		return nil, err
	}
	history, err := s.History()
	if err != nil {
		return nil, err
	}
	o.Promotions = append(o.Promotions, history...)
	if o.Consent, err = s.Consent(); err != nil {
		return nil, err
	}
	if o.Key, err = s.Key(); err != nil {
		return nil, err
	}
	all := slices.Concat(list, []store.Manifest{shipped})
	for _, m := range all {
		row := versionRow{Version: m.Version, Kind: m.Candidate.Kind, Made: m.Candidate.Created, Set: m.Set, Parent: m.Candidate.Parent, Signer: m.Signer, Models: []string{}, Scores: m.Version == o.Current.Version}
		if i := slices.IndexFunc(all, func(p store.Manifest) bool { return p.Set == m.Candidate.Parent }); i >= 0 {
			row.Parent = all[i].Version
		}
		for _, f := range m.Scoring() {
			name, _, _ := strings.Cut(f.Name, ".")
			row.Models = append(row.Models, name)
		}
		report, err := s.Comparison(m.Set, o.Current.Set)
		if err == nil && report != nil {
			row.Comparison = &verdict{Reasons: []string{}}
			err = json.Unmarshal(report, row.Comparison)
		}
		if err != nil {
			row.Comparison = &verdict{Reasons: []string{coded.Summary(err)}}
		}
		o.Versions = append(o.Versions, row)
	}
	return o, nil
}

// versionDetails is the answer of GET /retraining/versions/{version}.
type versionDetails struct {
	store.Manifest
	Details    json.RawMessage `json:"details"`    // candidate.json; null: the shipped one has none
	Report     json.RawMessage `json:"report"`     // of the training; null: none
	Card       json.RawMessage `json:"card"`       // of the data set; null: it had none
	Comparison json.RawMessage `json:"comparison"` // with what scores now; null: none
}

// Version implements review.Retraining.
func (r retraining) Version(_ context.Context, name string) (any, error) {
	s := r.store()
	m, err := s.Find(name)
	if err != nil {
		return nil, err
	}
	v := versionDetails{Manifest: m}
	if v.Details, err = s.Details(m); err != nil {
		return nil, err
	}
	for role, into := range map[string]*json.RawMessage{store.RoleReportData: &v.Report, store.RoleCard: &v.Card} {
		content, err := s.File(m, role)
		if err != nil {
			return nil, err
		}
		if json.Valid(content) { // of another program, perhaps
			*into = content
		}
	}
	now, err := s.Current()
	if err != nil {
		return nil, err
	}
	v.Comparison, err = s.Comparison(m.Set, now.Set)
	return v, err
}

// shadowAnswer is a report without scans, which are pictures of their own.
type shadowAnswer struct {
	*shadow.Report
	Goes     bool            `json:"goes"`     // the run goes on
	Largest  []shadow.Record `json:"largest"`  // without scans
	Pictures []bool          `json:"pictures"` // which of the largest have one
}

// Shadow implements review.Retraining.
func (r retraining) Shadow(context.Context) (any, error) {
	run, records, err := shadow.Read(r.p.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if run.Schema == 0 {
		return map[string]any{"run": nil}, nil
	}
	a := shadowAnswer{Report: shadow.NewReport(run, records), Goes: run.Runs(), Pictures: []bool{}, Largest: []shadow.Record{}}
	for _, one := range a.Report.Largest {
		a.Pictures = append(a.Pictures, len(one.Scan) > 0)
		one.Scan = nil
		a.Largest = append(a.Largest, one)
	}
	return a, nil
}

// Picture implements review.Retraining.
func (r retraining) Picture(_ context.Context, n int) ([]byte, error) {
	run, records, err := shadow.Read(r.p.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	largest := shadow.NewReport(run, records).Largest
	if n >= len(largest) {
		return nil, nil
	}
	return largest[n].Picture()
}

// Drift implements review.Retraining.
func (r retraining) Drift(context.Context) (any, error) {
	report, err := driftOf(r.p.cfg.DataDir, r.p.models.name(), time.Now())
	if err != nil {
		return nil, err
	}
	return struct {
		*drift.Report
		Days    int `json:"days"`
		Minimum int `json:"minimum"` // series, in the window and the reference
	}{report, drift.Days, drift.MinWindow}, nil
}

// Change implements review.Retraining.
func (r retraining) Change(_ context.Context, c review.ModelChange) (any, error) {
	changed, err := r.p.changeModels(r.trail, store.Change{
		Version: c.Version, Rollback: c.Rollback, Approve: c.Approve, Withdraw: c.Withdraw, Forced: c.Forced, Reason: c.Reason, By: c.By,
	})
	if err != nil {
		return nil, err
	}
	return struct {
		store.Changed
		Waits bool `json:"waits"` // for a second person: nothing has changed yet
	}{changed, changed.Waits()}, nil
}
