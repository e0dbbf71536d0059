#!/usr/bin/env bash
# One would guess: a worker that gives a message back with NakWithDelay no longer holds it, so it does not count against MaxAckPending;
# the queue goes on with the messages behind it, and this one comes later.
# Seen: it counts until it was delivered again and acknowledged. With MaxAckPending 2, two messages put off for 6 s stop the consumer for
# all workers: the third is delivered to nobody, though 3 are pending and nobody works.
# Matters: a back-off of minutes for what cannot be done yet (an archive is down, a series is not complete) halts whatever else is in the
# queue, just when many messages need it. Store such a message anew, later, or set MaxAckPending far above what may be put off.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   two put off for 6 s; asking for 3 s: nats: timeout, 3 pending, 2 waiting for an acknowledgement; after the delay: 0, delivery 2
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
	"strconv"
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
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"job"}, Retention: jetstream.WorkQueuePolicy}))
	worker := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 2}))
	for i := range 5 {
		need(js.Publish(ctx, "job", []byte(strconv.Itoa(i))))
	}

	for range 2 {
		if err := need(worker.Next()).NakWithDelay(6 * time.Second); err != nil {
			panic(err)
		}
	}
	_, err := worker.Next(jetstream.FetchMaxWait(3 * time.Second))
	info := need(worker.Info(ctx))
	fmt.Printf("two put off for 6 s; asking for 3 s: %v, %d pending, %d waiting for an acknowledgement; ", err, info.NumPending, info.NumAckPending)
	later := need(worker.Next(jetstream.FetchMaxWait(20 * time.Second)))
	fmt.Printf("after the delay: %s, delivery %d\n", later.Data(), need(later.Metadata()).NumDelivered)
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'two put off for 6 s; asking for 3 s: nats: timeout, 3 pending, 2 waiting for an acknowledgement; after the delay: 0, delivery 2' out
