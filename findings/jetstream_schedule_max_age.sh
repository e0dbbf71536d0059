#!/usr/bin/env bash
# One would guess: a stream that accepts a message with a schedule (Nats-Schedule) sends it when its time comes, or refuses a time that
# it cannot keep, as it refuses a target that it does not hold; and "@every" goes on until somebody ends it.
# Seen: the schedule is a message like any other and ends with the stream's MaxAge. One for after that is acknowledged and never sent; a
# repeated one stops after MaxAge, though the server writes it anew at each turn. Nothing is told: the answers are those of a schedule
# that is kept.
# Matters: reminders, retries "in an hour" or a nightly job on a stream whose retention is shorter are lost, or stop after the first days.
# Nats-TTL: never on the schedule keeps it, in a stream with AllowMsgTTL. Also: what a schedule sends goes into the stream alone; a plain
# subscription on its target, which sees every message that is published there, sees none of it.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   MaxAge 4s, after 12s: later sent 0, kept sent 1; every second: stopped true, kept goes on true; plain subscription saw 0
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

const maxAge = 4 * time.Second

func main() {
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	nc := need(nats.Connect(s.ClientURL()))
	js := need(jetstream.New(nc))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "TIMES", Subjects: []string{"when.*", "now.*"}, MaxAge: maxAge,
		AllowMsgSchedules: true, AllowMsgTTL: true}))
	sent := map[string]int{}
	consumer := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{FilterSubject: "now.*", AckPolicy: jetstream.AckNonePolicy}))
	plain := need(nc.SubscribeSync("now.*"))
	count := func() {
		for m := range need(consumer.FetchNoWait(100)).Messages() {
			sent[m.Subject()[len("now."):]]++
		}
	}
	schedule := func(name, when, ttl string) {
		m := nats.NewMsg("when." + name)
		m.Header.Set("Nats-Schedule", when)
		m.Header.Set("Nats-Schedule-Target", "now."+name)
		if ttl != "" {
			m.Header.Set("Nats-TTL", ttl)
		}
		need(js.PublishMsg(ctx, m)) // acknowledged
	}
	at := "@at " + time.Now().Add(2*maxAge).UTC().Format(time.RFC3339)
	schedule("later", at, "")
	schedule("later-kept", at, "never")
	schedule("every", "@every 1s", "")
	schedule("every-kept", "@every 1s", "never")
	for range 10 {
		time.Sleep(time.Second)
		count()
	}
	before, kept := sent["every"], sent["every-kept"]
	time.Sleep(2 * time.Second)
	count()
	subscribed, _, err := plain.Pending()
	need(subscribed, err)
	fmt.Printf("MaxAge %v, after 12s: later sent %d, kept sent %d; every second: stopped %v, kept goes on %v; plain subscription saw %d\n", maxAge,
		sent["later"], sent["later-kept"], before > 0 && before == sent["every"], sent["every-kept"] > kept, subscribed)
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'MaxAge 4s, after 12s: later sent 0, kept sent 1; every second: stopped true, kept goes on true; plain subscription saw 0' out
