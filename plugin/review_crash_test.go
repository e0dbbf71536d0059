package plugin

import (
	"context"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// decideOverHTTP signs in and decides on the first finding of the only series,
// in the process that is about to be killed.
func decideOverHTTP(ctx context.Context, url string) error {
	client, err := signInAt(ctx, url, "ann")
	if err != nil {
		return err
	}
	var list worklistAnswer
	if err := client.call(ctx, "GET", "/api/v1/worklist", nil, &list); err != nil {
		return err
	}
	path := "/api/v1/series/" + list.Rows[0].ID + "/findings/1/decision"
	var answer struct{}
	return client.call(ctx, "PUT", path, map[string]any{"verdict": "suspicious", "comment": "sure", "base_version": 0}, &answer)
}

// A service that is killed at any point of a decision, with the broker's memory
// gone when the next one starts: the decision is there, in the audit trail, and
// published once.
func TestKilledWhileDeciding(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("of a race in the processes that are killed nobody would hear")
	}
	dir := plugintest.WriteCT(t, plugintest.CT())
	for _, tt := range []struct {
		point  string
		stored int    // in REVIEWS when the process is dead
		again  []bool // of the lines in the audit trail, afterwards
	}{
		{"decision kept", 0, []bool{true}},
		{"decision in audit trail", 0, []bool{false, true}},
		{"decision noted", 0, []bool{false}},
		{"decision stored", 1, []bool{false}},
	} {
		t.Run(tt.point, func(t *testing.T) {
			const site = "local"
			b := plugintest.NewBroker(t)
			plan := crashPlan{DataDir: t.TempDir(), BusURL: b.URL, Point: tt.point, Site: site, Decide: true}
			writeUsers(t, plan.DataDir)
			cfg := crashConfig(plan)
			cfg.Detectors, cfg.Logger = testConfig(t).Detectors, plugintest.Logger(t)
			p := start(t, cfg)
			p.submit("/test", "1", plugintest.Job(dir))
			p.outcome(jobs.Scored, 1)
			plugintest.Must(t, p.stop())

			plugintest.Crash(t, plan)
			published := func() (n int) {
				plugintest.Must(t, b.Bus.Reviews(plugintest.Context(t), site, 0, func(_ bus.Envelope, r bus.Review) error {
					if n++; r.Comment != "sure" || r.Reviewer != "ann" || r.Version != 1 {
						t.Errorf("%+v", r)
					}
					return nil
				}))
				return n
			}
			if n := published(); n != tt.stored {
				t.Fatalf("%d decisions at the crash, want %d", n, tt.stored)
			}
			b.ForgetReviews()

			p = start(t, cfg)
			plugintest.WaitFor(t, func() bool {
				left, err := p.state().kept.review.Waiting()
				plugintest.Must(t, err)
				return left == 0
			})
			if n := published(); n != 1 {
				t.Errorf("%d decisions are published", n)
			}
			user := signIn(t, p, "bob")
			var answer struct{ Current struct{ Reviewer string } }
			id := user.worklist("?state=done").Rows[0].ID
			user.json(409, "PUT", "/api/v1/series/"+id+"/findings/1/decision", map[string]any{"verdict": "unsure", "base_version": 0}, &answer)
			if answer.Current.Reviewer != "ann" {
				t.Errorf("%+v", answer)
			}
			plugintest.Must(t, p.stop())
			var again []bool
			for _, line := range auditLines(t, cfg.DataDir, audit.KindDecision) {
				again = append(again, line.Again)
			}
			if !slices.Equal(again, tt.again) {
				t.Errorf("audit trail %v, want %v", again, tt.again)
			}
		})
	}
}
