#!/usr/bin/env bash
# One would guess: the duplicate window of a stream in files is kept over a restart of the server; it is for a message that still lies
# in the stream.
# Seen: the ids are read back from the stored messages. A work queue deletes what is acknowledged, and with it the id: after a restart
# the same id is stored again as a new message, though its window of 2 minutes is not over, and without a restart it is a duplicate.
# Matters: a job that was done is done twice when its sender's retry and an update of the server meet. The id alone does not make it
# exactly once; the worker must know what it has done.
# nats-server 2.15.2 (embedded), nats.go 1.55.0, file storage. Output seen:
#   before the restart: done duplicate, waiting duplicate; after it: done stored again as 3, waiting duplicate
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, js := start()
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"job"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage}))
	publish := func(id string) string {
		ack := need(js.Publish(ctx, "job", []byte(id), jetstream.WithMsgID(id)))
		if ack.Duplicate {
			return id + " duplicate"
		}
		return fmt.Sprintf("%s stored again as %d", id, ack.Sequence)
	}
	publish("done")
	publish("waiting")
	worker := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy}))
	if err := need(worker.Next()).DoubleAck(ctx); err != nil {
		panic(err)
	}
	before := publish("done") + ", " + publish("waiting")
	s.Shutdown()
	s.WaitForShutdown()
	_, js = start()
	fmt.Printf("before the restart: %s; after it: %s, %s\n", before, publish("done"), publish("waiting"))
}

func start() (*server.Server, jetstream.JetStream) {
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	return s, need(jetstream.New(need(nats.Connect(s.ClientURL()))))
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'before the restart: done duplicate, waiting duplicate; after it: done stored again as 3, waiting duplicate' out
