#!/usr/bin/env bash
# One would guess: a consumer that starts at a time (DeliverByStartTime) which lies ahead gives nothing that is stored before it.
# Seen: the time is turned into a place in the stream when the consumer is made, and the place for a time ahead is the end of the stream. From
# then on everything is delivered at once, as with DeliverNew, hours before the start; its configuration goes on showing the time.
# Matters: "this worker takes over at six", set the day before, takes the work of the night beside the old one. Make the consumer when the time
# has come, or compare each message's time.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (start in an hour):
#   stored before the consumer was made: not delivered; stored after: delivered, 60 min before the start; configured: start in 60 min
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
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "SCANS", Subjects: []string{"scan"}}))
	start := time.Now().Add(time.Hour)
	cfg := jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start, AckPolicy: jetstream.AckExplicitPolicy}

	need(js.Publish(ctx, "scan", []byte("before")))
	consumer := need(stream.CreateConsumer(ctx, cfg))
	wait := jetstream.FetchMaxWait(2 * time.Second)
	before := "not delivered"
	if _, err := consumer.Next(wait); err == nil {
		before = "delivered"
	}
	need(js.Publish(ctx, "scan", []byte("after")))
	after := "not delivered"
	if m, err := consumer.Next(wait); err == nil {
		after = fmt.Sprintf("delivered, %.0f min before the start", start.Sub(need(m.Metadata()).Timestamp).Minutes())
	}
	fmt.Printf("stored before the consumer was made: %s; stored after: %s; configured: start in %.0f min\n", before, after, time.Until(*need(consumer.Info(ctx)).Config.OptStartTime).Minutes())
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'stored before the consumer was made: not delivered; stored after: delivered, 60 min before the start; configured: start in 60 min' out
