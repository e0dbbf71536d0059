#!/usr/bin/env bash
# One would guess: an ordered consumer with DeliverNew gives every message stored after it was made; it is the one that repairs gaps by itself.
# Seen: until it has received its first message it has no place in the stream. Next and Fetch make a new server-side consumer for every call, each
# of them again with DeliverNew, so what is stored between two calls is never seen. A plain consumer with DeliverNew and the same loop gets all.
# From the first message on it goes on behind that one and misses nothing.
# Matters: "publish, then wait for the answer on an ordered consumer made before" waits in vain, but for those answers that come within a
# call. Start at the sequence after the stream's last one (OptStartSeq) instead of with DeliverNew.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (one message before each call but the first, five calls):
#   ordered, DeliverNew: Next 0, Fetch 0; plain, DeliverNew: 4; ordered from the next sequence: 4
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
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "ANSWERS", Subjects: []string{"answer"}}))
	need(js.Publish(ctx, "answer", nil))

	wait := jetstream.FetchMaxWait(time.Second)
	next := func(c jetstream.Consumer) int {
		if _, err := c.Next(wait); err != nil {
			return 0
		}
		return 1
	}
	fetch := func(c jetstream.Consumer) (n int) {
		for range need(c.Fetch(5, wait)).Messages() {
			n++
		}
		return n
	}
	received := func(c jetstream.Consumer, call func(jetstream.Consumer) int) int {
		n := call(c)
		for range 4 {
			need(js.Publish(ctx, "answer", nil))
			n += call(c)
		}
		return n
	}
	ordered := func(cfg jetstream.OrderedConsumerConfig) jetstream.Consumer { return need(stream.OrderedConsumer(ctx, cfg)) }
	onlyNew := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy}
	fmt.Printf("ordered, DeliverNew: Next %d, Fetch %d; ", received(ordered(onlyNew), next), received(ordered(onlyNew), fetch))
	fmt.Printf("plain, DeliverNew: %d; ", received(need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})), next))
	from := need(stream.Info(ctx)).State.LastSeq + 1
	fmt.Printf("ordered from the next sequence: %d\n", received(ordered(jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from}), next))
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'ordered, DeliverNew: Next 0, Fetch 0; plain, DeliverNew: 4; ordered from the next sequence: 4' out
