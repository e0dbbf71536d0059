#!/usr/bin/env bash
# One would guess: a key made with KeyTTL ends when its time is over, and LimitMarkerTTL, without which a bucket takes no KeyTTL, says how
# long the marker is kept that tells watchers of it; at least it ends the same in every bucket with the same two settings.
# Seen: only where History is 1. With History 2 the server raises the key's time to live to that of the marker when it stores it: a lease of
# 2 s in a bucket with markers of 10 s lives 10 s, with markers of a day it lives a day. Create returns no error, and the header that the
# client sent, "2s", is stored as "10".
# Matters: a lock is held long after its holder died, since somebody wanted to see its history. Keep LimitMarkerTTL below the shortest
# KeyTTL, or History at 1. The same goes for any stream with SubjectDeleteMarkerTTL whose MaxMsgsPerSubject is not 1.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (lease of 2 s, markers of 10 s):
#   History 1: stored with 2s, after 5 s nats: key not found
#   History 2: stored with 10, after 5 s still there, after 13 s nats: key not found
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
	var buckets []jetstream.KeyValue
	for history := range uint8(2) {
		kv := need(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: fmt.Sprint("leases", history), History: history + 1, LimitMarkerTTL: 10 * time.Second}))
		buckets = append(buckets, kv)
		need(kv.Create(ctx, "scan", []byte("worker 1"), jetstream.KeyTTL(2*time.Second)))
	}
	start := time.Now()
	after := func(d time.Duration, kv jetstream.KeyValue) string {
		time.Sleep(time.Until(start.Add(d)))
		if _, err := kv.Get(ctx, "scan"); err != nil {
			return fmt.Sprintf("after %.0f s %v", d.Seconds(), err)
		}
		return fmt.Sprintf("after %.0f s still there", d.Seconds())
	}
	ttl := func(kv jetstream.KeyValue) string {
		stream := need(js.Stream(ctx, "KV_"+kv.Bucket()))
		return need(stream.GetMsg(ctx, 1)).Header.Get("Nats-TTL")
	}
	one, two := ttl(buckets[0]), ttl(buckets[1])
	fmt.Printf("History 1: stored with %s, %s\n", one, after(5*time.Second, buckets[0]))
	fmt.Printf("History 2: stored with %s, %s, %s\n", two, after(5*time.Second, buckets[1]), after(13*time.Second, buckets[1]))
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'History 1: stored with 2s, after 5 s nats: key not found' out
grep -qxF 'History 2: stored with 10, after 5 s still there, after 13 s nats: key not found' out
