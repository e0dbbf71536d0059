//go:build unix

package plugin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// chaosServer is one server of a cluster.
func chaosServer(plan crashPlan) error {
	port := func(address string) (int, error) {
		u, err := url.Parse(address)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(u.Port())
	}
	client, err := port(plan.BusURL)
	if err != nil {
		return err
	}
	own, err := port(plan.Routes[0])
	if err != nil {
		return err
	}
	opts := &natsserver.Options{
		ServerName: plan.Point, Host: "127.0.0.1", Port: client, JetStream: true, StoreDir: plan.DataDir, NoSigs: true, NoLog: true,
		Cluster: natsserver.ClusterOpts{Name: "chaos", Host: "127.0.0.1", Port: own},
	}
	for _, route := range plan.Routes[1:] {
		u, err := url.Parse(route)
		if err != nil {
			return err
		}
		opts.Routes = append(opts.Routes, u)
	}
	server, err := natsserver.NewServer(opts)
	if err != nil {
		return err
	}
	server.Start()
	if !server.ReadyForConnections(time.Minute) {
		return errors.New("the server is not ready")
	}
	select {}
}

// TestChaosCluster is [TestChaos] at a cluster of three servers that each hold all streams,
// of which one is down or frozen at a time.
func TestChaosCluster(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	var clients, routes []string
	for range 3 {
		clients, routes = append(clients, "nats://127.0.0.1:"+freePort(t)), append(routes, "nats://127.0.0.1:"+freePort(t))
	}
	for i := range 3 {
		plan := crashPlan{Point: fmt.Sprint("server", i), DataDir: t.TempDir(), BusURL: clients[i], Routes: append(routes[i:i+1:i+1], routes...), Chaos: true}
		c.brokers = append(c.brokers, newVictim(t, c.logs, plan.Point, plan))
	}
	all := strings.Join(clients, ",")
	b := chaosBus(t, bus.Options{URL: all, Streams: bus.StreamSettings{Replicas: 3}})
	nc, err := nats.Connect(all, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	plugintest.Must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	plugintest.Must(t, err)
	c.whole = func() {
		for begin := time.Now(); time.Since(begin) < time.Minute && !clusterWhole(js); {
			time.Sleep(50 * time.Millisecond)
		}
	}
	c.whole()
	for i := range *chaosWorkers {
		c.workers = append(c.workers, newVictim(t, c.logs, fmt.Sprint("worker", i), crashPlan{Point: "worker", DataDir: t.TempDir(), BusURL: all, Chaos: true}))
	}
	c.run(b, all)
}

// clusterWhole tells whether all servers hold all of every stream.
func clusterWhole(js jetstream.JetStream) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, name := range bus.Streams() {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return false
		}
		info := s.CachedInfo().Cluster
		if info == nil || info.Leader == "" || len(info.Replicas) != 2 {
			return false
		}
		for _, r := range info.Replicas {
			if !r.Current || r.Offline {
				return false
			}
		}
	}
	return true
}
