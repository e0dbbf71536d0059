#!/usr/bin/env bash
# One would guess: with a TTL on an object store an object ends as a whole, and UpdateMeta (a new description) either starts its time anew
# or leaves it as it is.
# Seen: it starts it for the record alone. The pieces end at their own age, and for another TTL List and GetInfo show an object with its
# full size, digest and number of pieces of which none is in the stream.
# Matters: a cache that marks its objects as used, verified or tagged this way finds them by their record and cannot read one of them, and
# a test that runs shorter than the TTL does not see it. Write the object again when its time is to start anew.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   stored: 300000 bytes, 3 of 3 pieces; described after 2 of 4 s; after 5 s: 300000 bytes, 0 of 3 pieces
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
	objects := need(js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "cache", TTL: 4 * time.Second}))
	show := func(o *jetstream.ObjectInfo) {
		stored := need(need(js.Stream(ctx, "OBJ_cache")).Info(ctx, jetstream.WithSubjectFilter("$O.cache.C."+o.NUID))).State.Subjects["$O.cache.C."+o.NUID]
		fmt.Printf("%d bytes, %d of %d pieces", o.Size, stored, o.Chunks)
	}

	fmt.Print("stored: ")
	show(need(objects.PutBytes(ctx, "volume", make([]byte, 300_000))))
	time.Sleep(2 * time.Second)
	if err := objects.UpdateMeta(ctx, "volume", jetstream.ObjectMeta{Name: "volume", Description: "verified"}); err != nil {
		panic(err)
	}
	time.Sleep(3 * time.Second)
	fmt.Print("; described after 2 of 4 s; after 5 s: ")
	show(need(objects.List(ctx))[0])
	fmt.Println()
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'stored: 300000 bytes, 3 of 3 pieces; described after 2 of 4 s; after 5 s: 300000 bytes, 0 of 3 pieces' out
