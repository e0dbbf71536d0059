#!/usr/bin/env bash
# One would guess: a message that is larger than the stream may ever hold (MaxBytes) is refused, whatever is done with old messages when the
# stream is full; MaxMsgSize, which is left open, is for a smaller limit.
# Seen: with DiscardOld, the default, it is acknowledged with a sequence, and to make room for it everything is deleted, itself last. Five
# good messages and it are gone, in files and in memory alike; the publisher's answer is that of any other message. With DiscardNew it is
# an error and the rest stays.
# Matters: one scan's thumbnail that is too large empties the stream of all others and is not there either, and what reports it is a counter
# that falls to 0. Set MaxMsgSize wherever MaxBytes is set.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (MaxBytes 3000, messages of 300 bytes, then one of 10000):
#   DiscardOld, File: 5 stored; sequence 6, <nil>; then 0 stored
#   DiscardOld, Memory: 5 stored; sequence 6, <nil>; then 0 stored
#   DiscardNew, File: 5 stored; nats: nats: API error: code=503 err_code=10077 description=maximum bytes exceeded; then 5 stored
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
	for i, cfg := range []jetstream.StreamConfig{{Discard: jetstream.DiscardOld}, {Discard: jetstream.DiscardOld, Storage: jetstream.MemoryStorage}, {Discard: jetstream.DiscardNew}} {
		subject := fmt.Sprint("thumbnail", i)
		cfg.Name, cfg.Subjects, cfg.MaxBytes = fmt.Sprint("THUMBNAILS", i), []string{subject}, 3000
		stream := need(js.CreateStream(ctx, cfg))
		for range 5 {
			need(js.Publish(ctx, subject, make([]byte, 300)))
		}
		before := need(stream.Info(ctx)).State.Msgs
		answer := ""
		if ack, err := js.Publish(ctx, subject, make([]byte, 10000)); err != nil {
			answer = err.Error()
		} else {
			answer = fmt.Sprintf("sequence %d, %v", ack.Sequence, err)
		}
		fmt.Printf("%v, %v: %d stored; %s; then %d stored\n", cfg.Discard, cfg.Storage, before, answer, need(stream.Info(ctx)).State.Msgs)
	}
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
DiscardOld, File: 5 stored; sequence 6, <nil>; then 0 stored
DiscardOld, Memory: 5 stored; sequence 6, <nil>; then 0 stored
DiscardNew, File: 5 stored; nats: nats: API error: code=503 err_code=10077 description=maximum bytes exceeded; then 5 stored
SEEN
