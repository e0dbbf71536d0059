#!/usr/bin/env bash
# One would guess: with PriorityPolicyPinned one worker gets all messages and another only takes over when that one is gone; it counts as there as
# long as it holds a message within its AckWait, and InProgress, which says so, keeps the pin.
# Seen: only a request for more renews the pin. A worker that works longer on one message than PinnedTTL (2 minutes if not set) loses it,
# InProgress or not: the second gets the next message beside it. Both then work at once, and each acknowledgement is confirmed.
# Matters: the policy is taken for "one at a time" (one GPU, one file that is written), and that holds until the first scan that takes longer. Set
# PinnedTTL above the longest job, or MaxAckPending to 1.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (PinnedTTL 3 s, the first worker at work on a message for 8 s):
#   MaxAckPending 1000: second worker within 1 s nats: timeout, within 7 s <nil>, both acknowledged: <nil> <nil>
#   MaxAckPending 1: second worker within 1 s nats: timeout, within 7 s nats: timeout
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
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	js := need(jetstream.New(need(nats.Connect(s.ClientURL()))))
	try := func(name string, pending int) {
		stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}}))
		consumer := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second, MaxAckPending: pending,
			PriorityPolicy: jetstream.PriorityPolicyPinned, PinnedTTL: 3 * time.Second, PriorityGroups: []string{"gpu"}}))
		second := need(need(jetstream.New(need(nats.Connect(s.ClientURL())))).Consumer(ctx, name, consumer.CachedInfo().Name))
		for range 3 {
			need(js.Publish(ctx, name, nil))
		}
		messages := need(consumer.Messages(jetstream.PullPriorityGroup("gpu"), jetstream.PullMaxMessages(1)))
		defer messages.Stop()
		others := need(second.Messages(jetstream.PullPriorityGroup("gpu"), jetstream.PullMaxMessages(1)))
		defer others.Stop()
		held := need(messages.Next())
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-time.After(time.Second / 2):
					held.InProgress()
				case <-stop:
					return
				}
			}
		}()
		_, early := others.Next(jetstream.NextMaxWait(time.Second))
		m, late := others.Next(jetstream.NextMaxWait(6 * time.Second))
		close(stop)
		fmt.Printf("MaxAckPending %d: second worker within 1 s %v, within 7 s %v", pending, early, late)
		if late == nil {
			fmt.Printf(", both acknowledged: %v %v", held.DoubleAck(ctx), m.DoubleAck(ctx))
		}
		fmt.Println()
	}
	try("many", 1000)
	try("one", 1)
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
MaxAckPending 1000: second worker within 1 s nats: timeout, within 7 s <nil>, both acknowledged: <nil> <nil>
MaxAckPending 1: second worker within 1 s nats: timeout, within 7 s nats: timeout
SEEN
