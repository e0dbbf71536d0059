#!/usr/bin/env bash
# One would guess: where a stream is deleted and made anew (a bucket emptied that way, a store set up again), an ordered consumer or a watcher of a KV
# bucket ends with an error, or goes on with the new one from its start: it is the one that mends gaps by itself.
# Seen: it goes on behind the sequence that it had reached in the old stream. What the new one holds below that is never given, then it is as if
# nothing had been: of 30 new messages after 20 old ones the last ten. The ordered consumer tells its error handler "consumer deleted"
# and stays; the watcher says nothing.
# Matters: a cache of settings or a page that follows results shows the old ones until the new stream has outgrown the old, which after a long life
# is weeks. On "consumer deleted" compare the stream's time of creation and start anew; for a watcher, look at it now and then.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   old: 20, consumed 20, watched 20
#   new: 30, consumed 10 (nats: consumer deleted), watched 10 (closed false)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > go.mod <<'MOD'
module finding
go 1.26
require (
	github.com/nats-io/nats-server/v2 v2.15.2
	github.com/nats-io/nats.go v1.55.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	js := need(jetstream.New(need(nats.Connect(s.ClientURL()))))
	results := jetstream.StreamConfig{Name: "RESULTS", Subjects: []string{"result"}}
	settings := jetstream.KeyValueConfig{Bucket: "settings"}
	fill := func(n int) {
		need(js.CreateStream(ctx, results))
		kv := need(js.CreateKeyValue(ctx, settings))
		for i := range n {
			need(js.Publish(ctx, "result", nil))
			need(kv.Put(ctx, fmt.Sprint("key", i), nil))
		}
	}
	fill(20)
	var consumed, watched atomic.Int64
	var told atomic.Value
	consumer := need(js.OrderedConsumer(ctx, "RESULTS", jetstream.OrderedConsumerConfig{}))
	need(consumer.Consume(func(jetstream.Msg) { consumed.Add(1) }, jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { told.CompareAndSwap(nil, err.Error()) })))
	watcher := need(need(js.KeyValue(ctx, "settings")).WatchAll(ctx))
	var closed atomic.Bool
	go func() {
		for entry := range watcher.Updates() {
			if entry != nil {
				watched.Add(1)
			}
		}
		closed.Store(true)
	}()
	time.Sleep(2 * time.Second)
	fmt.Printf("old: 20, consumed %d, watched %d\n", consumed.Swap(0), watched.Swap(0))
	if err := js.DeleteStream(ctx, "RESULTS"); err != nil {
		panic(err)
	}
	if err := js.DeleteKeyValue(ctx, "settings"); err != nil {
		panic(err)
	}
	fill(30)
	for range 60 {
		if time.Sleep(time.Second); consumed.Load() > 0 && watched.Load() > 0 {
			break
		}
	}
	time.Sleep(5 * time.Second)
	fmt.Printf("new: 30, consumed %d (%v), watched %d (closed %v)\n", consumed.Load(), told.Load(), watched.Load(), closed.Load())
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
diff out - <<'SEEN'
old: 20, consumed 20, watched 20
new: 30, consumed 10 (nats: consumer deleted), watched 10 (closed false)
SEEN
