#!/usr/bin/env bash
# One would guess: a work-queue stream refuses a message id as a duplicate while it holds the message; once the first was
# worked on, acknowledged and deleted, the same id can be stored again. At least a different subject makes a different message.
# Seen: within the duplicate window (2 min) the second publish succeeds with Duplicate set and the first one's sequence, though
# nothing is stored under that sequence any more; so does a publish of another payload on another subject of the stream.
# Matters: "publish returned no error" is not "the broker has it": a job sent again on purpose, or two kinds of message that
# share an id, vanish. Look at PubAck.Duplicate, and put the subject into the id.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   again: duplicate true, sequence 1, stored there: false; other subject: duplicate true, messages in stream: 0
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
	need(js.Publish(ctx, "job.routine", []byte("series A"), jetstream.WithMsgID("17")))
	worker := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy}))
	if err := need(worker.Next()).DoubleAck(ctx); err != nil {
		panic(err)
	}
	again := need(js.Publish(ctx, "job.routine", []byte("series A"), jetstream.WithMsgID("17")))
	_, err := stream.GetMsg(ctx, again.Sequence)
	other := need(js.Publish(ctx, "job.stat", []byte("series B"), jetstream.WithMsgID("17")))
	left := need(stream.Info(ctx)).State.Msgs
	fmt.Printf("again: duplicate %v, sequence %d, stored there: %v; other subject: duplicate %v, messages in stream: %d\n",
		again.Duplicate, again.Sequence, err == nil, other.Duplicate, left)
	if !again.Duplicate || again.Sequence != 1 || err == nil || !other.Duplicate || left != 0 {
		fmt.Println("changed")
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
