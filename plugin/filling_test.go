package plugin

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// While a ledger is still to be filled again, no decision is taken: one of
// somebody else may be on the bus.
func TestNoDecisionsWhileTheLedgerIsFilled(t *testing.T) {
	t.Parallel()
	cfg := reviewConfig(t)
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.results(1)
	plugintest.WaitFor(t, func() bool { rows, err := p.state().kept.Answers("local"); return err == nil && len(rows) == 1 })
	plugintest.Must(t, p.stop())
	db, err := bbolt.Open(ledgerFile(cfg.DataDir), 0o600, nil)
	plugintest.Must(t, err)
	plugintest.Must(t, db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("rebuild/v1")).Put([]byte("due"), []byte{1}) }))
	plugintest.Must(t, db.Close())

	cfg.Bus = bus.Options{URL: "nats://127.0.0.1:1"} // it waits for the broker before it fills the ledger
	waiting, err := New(cfg)
	plugintest.Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- waiting.Run(ctx) }()
	plugintest.WaitFor(t, func() bool { return waiting.ReviewURL() != "" })
	b := signIn(t, &running{Plugin: waiting, t: t}, "ann")
	row := b.worklist("").Rows[0]
	b.code(503, "ledger_rebuilding", "PUT", "/api/v1/series/"+row.ID+"/findings/1/decision", `{"verdict":"suspicious","base_version":0}`)
	cancel()
	plugintest.Must(t, <-ended)
}

// However many results have left the stream, a job does not have them listed.
func TestJobsListNothingThatIsGone(t *testing.T) {
	t.Parallel()
	broker := plugintest.NewBroker(t)
	cfg := instantConfig(t)
	cfg.Bus = bus.Options{URL: broker.URL}
	made, err := New(cfg)
	plugintest.Must(t, err)
	made.watchEvery = time.Hour
	p, dir := run(t, made), plugintest.WriteCT(t, plugintest.CT())
	submitMany(t, p.bus, dir, 0, 4)
	p.results(4)
	plugintest.Must(t, p.bus.Remove(plugintest.Context(t), bus.StreamResults, []uint64{2, 3}))
	h, err := p.bus.Holding(plugintest.Context(t), bus.StreamResults)
	if err != nil || len(h.Deleted) != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	nc, err := nats.Connect(broker.URL)
	plugintest.Must(t, err)
	defer nc.Close()
	var asked, listed atomic.Int64
	_, err = nc.Subscribe("$JS.API.STREAM.INFO.RESULTS", func(m *nats.Msg) {
		asked.Add(1)
		if strings.Contains(string(m.Data), "deleted_details") {
			listed.Add(1)
		}
	})
	plugintest.Must(t, err)
	plugintest.Must(t, nc.Flush())
	submitMany(t, p.bus, dir, 4, 30)
	p.results(32)
	plugintest.Must(t, nc.Flush())
	if asked.Load() < 30 || listed.Load() > 0 {
		t.Errorf("of %d questions %d had what is gone listed", asked.Load(), listed.Load())
	}
}
