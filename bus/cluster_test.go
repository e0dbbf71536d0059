package bus

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// cluster runs three brokers that share their streams. One may be shut down.
func cluster(t *testing.T) (servers []*natsserver.Server, urls string) {
	t.Helper()
	var routes []*url.URL
	var ports []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		_ = l.Close()
	}
	var clients []string
	for i := range 3 {
		ns, err := natsserver.NewServer(&natsserver.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: natsserver.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		ns.Start()
		t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
		servers = append(servers, ns)
	}
	for _, ns := range servers {
		if !ns.ReadyForConnections(20 * time.Second) {
			t.Fatal("the broker is not ready")
		}
		clients = append(clients, ns.ClientURL())
	}
	return servers, strings.Join(clients, ",")
}

// ensureInTime makes the streams as soon as the cluster has a leader.
func ensureInTime(t *testing.T, b *Bus) {
	t.Helper()
	for {
		err := b.EnsureStreams(testContext(t))
		if err == nil {
			return
		}
		if CodeOf(err) != CodeStream || t.Context().Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// In a replicated stream a message may be asked for twice before the servers
// agree on its first copy. Both senders are told where it is. Then one server
// goes, and messages are taken on, and models that were shared are there.
func TestClusterOfThree(t *testing.T) {
	servers, urls := cluster(t)
	b := connect(t, Options{URL: urls, Wait: true, Streams: StreamSettings{Replicas: 3, JobsBytes: 1 << 20, ResultsBytes: 1 << 20, ReviewsBytes: 1 << 20, DeadBytes: 1 << 20, ModelsBytes: 8 << 20, ModelsReplicas: 3}})
	ensureInTime(t, b)
	if err := b.EnsureModels(testContext(t)); err != nil {
		t.Fatal(err)
	}
	objects, err := b.Models(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	weights := bytes.Repeat([]byte("weights "), 1<<17)
	shared := add(t, objects, "v1", weights)
	ctx, cancel := context.WithTimeout(testContext(t), time.Minute)
	defer cancel()
	var group sync.WaitGroup
	var first atomic.Int32
	for range 50 {
		group.Go(func() {
			ack, err := b.SubmitJob(ctx, "site", "/d", "1", sampleJob(1))
			if err != nil {
				t.Error(err)
			} else if !ack.Duplicate {
				first.Add(1)
			}
		})
	}
	group.Wait()
	if n := first.Load(); n != 1 {
		t.Errorf("%d of 50 were told that theirs is the first", n)
	}
	s, err := b.js.Stream(ctx, StreamJobs)
	if err != nil {
		t.Fatal(err)
	}
	leader := s.CachedInfo().Cluster.Leader
	for _, ns := range servers {
		if ns.Name() == leader {
			ns.Shutdown()
		}
	}
	begin := time.Now()
	for i := range 5 {
		if _, err := b.SubmitJob(ctx, "site", "/d", fmt.Sprint("after", i), sampleJob(1)); err != nil {
			t.Errorf("job %d after %s: %v", i, time.Since(begin), err)
		}
	}
	if took := time.Since(begin); took > 45*time.Second {
		t.Errorf("jobs waited %s for another leader", took)
	}
	for {
		content, err := objects.Read(ctx, shared, 1<<30)
		if err == nil {
			if !bytes.Equal(content, weights) {
				t.Errorf("%d bytes of %d", len(content), len(weights))
			}
			break
		}
		if ctx.Err() != nil { // its bucket has no leader yet
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if more := add(t, objects, "v1", []byte("more")); list(t, objects)[more].Bytes != 4 {
		t.Errorf("%v", list(t, objects))
	}
}
