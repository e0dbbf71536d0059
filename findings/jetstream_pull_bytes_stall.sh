#!/usr/bin/env bash
# One would guess: PullMaxBytes bounds what is fetched ahead. A message larger than that comes alone, as MaxBytes works in Kafka, or the error
# handler of Consume is told; the small messages behind it come in any case.
# Seen: the consumer stands still for ever at the first larger message. The server answers each request with "message size exceeds max bytes",
# which the client takes for the normal end of a request: no call of the handler, Next times out as on an empty queue, and FetchBytes
# ends at once with no message and a nil error.
# Matters: a worker that bounds its memory works for months, meets the first large scan, and from then on looks idle. Only the consumer's pending
# count says otherwise. Make the bound larger than the stream's MaxMsgSize, or bound by PullMaxMessages.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (messages of 100, 5000 and 100 bytes, PullMaxBytes 2000):
#   Consume: 1 message in 5 s, calls of the error handler 0; Messages: nats: timeout; FetchBytes: 0 messages, <nil>; pending 2
#   PullMaxBytes 10000: 2 messages
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
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	js := need(jetstream.New(need(nats.Connect(s.ClientURL()))))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "SCANS", Subjects: []string{"scan"}}))
	worker := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy}))
	for _, size := range []int{100, 5000, 100} {
		need(js.Publish(ctx, "scan", make([]byte, size)))
	}
	consume := func(maxBytes int) (messages, errors int32) {
		var m, e atomic.Int32
		c := need(worker.Consume(func(msg jetstream.Msg) { m.Add(1); msg.Ack() }, jetstream.PullMaxBytes(maxBytes),
			jetstream.ConsumeErrHandler(func(jetstream.ConsumeContext, error) { e.Add(1) })))
		time.Sleep(5 * time.Second)
		c.Stop()
		<-c.Closed()
		return m.Load(), e.Load()
	}
	messages, errors := consume(2000)
	iterator := need(worker.Messages(jetstream.PullMaxBytes(2000)))
	_, next := iterator.Next(jetstream.NextMaxWait(3 * time.Second))
	iterator.Stop()
	batch := need(worker.FetchBytes(2000, jetstream.FetchMaxWait(3*time.Second)))
	fetched := 0
	for range batch.Messages() {
		fetched++
	}
	pending := need(worker.Info(ctx)).NumPending
	fmt.Printf("Consume: %d message in 5 s, calls of the error handler %d; Messages: %v; FetchBytes: %d messages, %v; pending %d\n", messages, errors, next, fetched, batch.Error(), pending)
	messages, _ = consume(10000)
	fmt.Printf("PullMaxBytes 10000: %d messages\n", messages)
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'Consume: 1 message in 5 s, calls of the error handler 0; Messages: nats: timeout; FetchBytes: 0 messages, <nil>; pending 2' out
grep -qxF 'PullMaxBytes 10000: 2 messages' out
