#!/usr/bin/env bash
# One would guess: once AckWait is over and a message was delivered to another worker, answers to the first delivery are void; at
# least DoubleAck, which waits for the server's word, fails.
# Seen: an answer counts for the message, from whichever delivery it comes. The first worker's Nak has it delivered a third time at
# once while the second works on it; its DoubleAck returns nil and deletes the message, and so does the second worker's afterwards.
# Matters: a worker that woke from a pause ends or restarts a job that it no longer holds, and two results each with a confirmed
# acknowledgement say nothing is wrong. Fence by Metadata().NumDelivered or a lease where the result is stored.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   late Nak: delivery 3 at once; late DoubleAck: <nil>, messages left 0; DoubleAck of the holder: <nil>
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
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const ackWait = 5 * time.Second

func main() {
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	js := need(jetstream.New(need(nats.Connect(s.ClientURL()))))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"job"}, Retention: jetstream.WorkQueuePolicy}))
	worker := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait}))

	need(js.Publish(ctx, "job", []byte("1")))
	late := need(worker.Next())
	need(worker.Next(jetstream.FetchMaxWait(2 * ackWait)))
	if err := late.Nak(); err != nil {
		panic(err)
	}
	third := need(need(worker.Next(jetstream.FetchMaxWait(ackWait / 2))).Metadata())

	if err := stream.Purge(ctx); err != nil {
		panic(err)
	}
	fmt.Printf("late Nak: delivery %d at once; ", third.NumDelivered)
	need(js.Publish(ctx, "job", []byte("2")))
	late = need(worker.Next())
	holder := need(worker.Next(jetstream.FetchMaxWait(2 * ackWait)))
	err := late.DoubleAck(ctx)
	left := need(stream.Info(ctx)).State.Msgs
	fmt.Printf("late DoubleAck: %v, messages left %d; DoubleAck of the holder: %v\n", err, left, holder.DoubleAck(ctx))
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'late Nak: delivery 3 at once; late DoubleAck: <nil>, messages left 0; DoubleAck of the holder: <nil>' out
