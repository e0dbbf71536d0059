#!/usr/bin/env bash
# One would guess: a message that reached MaxDeliver can be seen in the consumer's figures, and comes again when MaxDeliver is raised.
# Seen: once a worker has asked in vain, it counts neither as pending nor as waiting for an acknowledgement, stays in the work-queue stream, and the same consumer
# never delivers it again, raised limit or not. Only a new consumer gets it.
# Matters: a monitor of NumPending and NumAckPending reads 0 while jobs lie in the queue for ever; compare with the stream's count.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   consumer: 0 pending, 0 waiting; stream: 1 message; after raising MaxDeliver: nats: timeout; new consumer: delivered
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

func main() {
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	js := need(jetstream.New(need(nats.Connect(s.ClientURL()))))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"job.>"}, Retention: jetstream.WorkQueuePolicy}))
	need(js.Publish(ctx, "job.routine", []byte("kills its worker")))
	settings := jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 2, AckWait: 300 * time.Millisecond}
	worker := need(stream.CreateConsumer(ctx, settings))
	for range settings.MaxDeliver {
		need(worker.Next(jetstream.FetchMaxWait(5 * time.Second))) // and die without a word
	}
	_, silent := worker.Next(jetstream.FetchMaxWait(2 * time.Second)) // a worker that goes on asking
	info := need(worker.Info(ctx))
	left := need(stream.Info(ctx)).State.Msgs
	settings.MaxDeliver = 10
	worker = need(stream.UpdateConsumer(ctx, settings))
	_, raised := worker.Next(jetstream.FetchMaxWait(2 * time.Second))
	if err := stream.DeleteConsumer(ctx, "worker"); err != nil {
		panic(err)
	}
	fresh := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "fresh", AckPolicy: jetstream.AckExplicitPolicy}))
	_, err := fresh.Next(jetstream.FetchMaxWait(5 * time.Second))
	fmt.Printf("consumer: %d pending, %d waiting; stream: %d message; after raising MaxDeliver: %v; new consumer: delivered\n",
		info.NumPending, info.NumAckPending, left, raised)
	if info.NumPending != 0 || info.NumAckPending != 0 || left != 1 || silent == nil || raised == nil || err != nil {
		fmt.Println("changed:", err)
		os.Exit(1)
	}
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store"
