#!/usr/bin/env bash
# One would guess: a key made with a time to live keeps it when its holder writes the key again in time, or starts it anew;
# a lease that is renewed by Update therefore ends soon after its holder dies.
# Seen: Update stores the new value with no time to live at all. The key never ends, while one beside it that was not renewed does.
# Matters: a lock built on JetStream KV that is renewed once is held for ever by a process that is gone.
# nats-server 2.15.2 (embedded), nats.go 1.55.0, memory and file storage alike. Output seen:
#   renewed once: still there after 5 s; never renewed: nats: key not found
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
	kv := need(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "leases", LimitMarkerTTL: time.Second}))
	revision := need(kv.Create(ctx, "renewed", []byte("holder 1"), jetstream.KeyTTL(2*time.Second)))
	need(kv.Create(ctx, "left", []byte("holder 1"), jetstream.KeyTTL(2*time.Second)))
	need(kv.Update(ctx, "renewed", []byte("holder 1"), revision))
	time.Sleep(5 * time.Second)
	_, renewed := kv.Get(ctx, "renewed")
	_, left := kv.Get(ctx, "left")
	fmt.Printf("renewed once: still there after 5 s; never renewed: %v\n", left)
	if renewed != nil || left == nil {
		fmt.Println("changed: renewed", renewed, "left", left)
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
