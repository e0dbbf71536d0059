#!/usr/bin/env bash
# One would guess: writing an object anew into an object store that has too little room (MaxBytes) for both fails, and the object that is
# there stays; the client stores the pieces first and the record that points to them last.
# Seen: Put fails with "maximum bytes exceeded", and the old object is gone. Pieces and record are sent without waiting for each other's
# answers: the small record still finds room and replaces the old one, the pieces are refused and cleaned up. List and GetInfo show the
# new object with its full size and no piece in the stream; the pieces of the old one stay, under a name that nothing refers to.
# Matters: an error that says "nothing was stored" has lost the last good model or report, and its bytes take up the room for good. Write
# under a new name and delete the old one afterwards.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   stored: 100000 bytes, 1 of 1 pieces; again: nats: API error: code=503 err_code=10077 description=maximum bytes exceeded
#   now: 100000 bytes, 0 of 1 pieces; pieces that nothing refers to: 1
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
	objects := need(js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "models", MaxBytes: 150_000}))
	pieces := func(nuid string) (n uint64) {
		for _, count := range need(need(js.Stream(ctx, "OBJ_models")).Info(ctx, jetstream.WithSubjectFilter("$O.models.C."+nuid))).State.Subjects {
			n += count
		}
		return n
	}

	first := need(objects.PutBytes(ctx, "detector", make([]byte, 100_000)))
	fmt.Printf("stored: %d bytes, %d of %d pieces; ", first.Size, pieces(first.NUID), first.Chunks)
	_, err := objects.PutBytes(ctx, "detector", make([]byte, 100_000))
	fmt.Println("again:", err)
	now := need(objects.GetInfo(ctx, "detector"))
	fmt.Printf("now: %d bytes, %d of %d pieces; pieces that nothing refers to: %d\n", now.Size, pieces(now.NUID), now.Chunks, pieces(first.NUID))
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
stored: 100000 bytes, 1 of 1 pieces; again: nats: API error: code=503 err_code=10077 description=maximum bytes exceeded
now: 100000 bytes, 0 of 1 pieces; pieces that nothing refers to: 1
SEEN
