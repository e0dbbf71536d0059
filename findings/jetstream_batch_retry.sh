#!/usr/bin/env bash
# One would guess: an atomic batch whose messages have ids can be sent again when its answer was lost, as a single message can: within the
# duplicate window the stream knows the ids and answers "duplicate", with the sequence that it has.
# Seen: error 10201, "batch contains duplicate message id". The same comes where one id of the batch is known and the rest is new, and
# then the rest is not stored.
# Matters: a publisher that takes the error for a refusal drops or repeats, under new ids, what is stored; one that takes it for "stored
# already" loses the others of a batch that overlaps an earlier one. After a lost answer look the messages up (by subject or sequence),
# and let no id appear in two batches.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen:
#   single again: duplicate true; batch of 2: stored 2; the same again: error 10201, stored 2; one known id of two: error 10201, stored 2
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
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	s := need(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true}))
	go s.Start()
	s.ReadyForConnections(10 * time.Second)
	nc := need(nats.Connect(s.ClientURL()))
	js := need(jetstream.New(nc))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "ONE", Subjects: []string{"one"}}))
	need(js.Publish(ctx, "one", nil, jetstream.WithMsgID("0")))
	fmt.Printf("single again: duplicate %v; ", need(js.Publish(ctx, "one", nil, jetstream.WithMsgID("0"))).Duplicate)

	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "MANY", Subjects: []string{"many"}, AllowAtomicPublish: true}))
	batch := func(name string, ids ...string) (code int, stored uint64) {
		for i, id := range ids {
			m := nats.NewMsg("many")
			m.Header.Set("Nats-Msg-Id", id)
			m.Header.Set("Nats-Batch-Id", name)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
			if i == len(ids)-1 {
				m.Header.Set("Nats-Batch-Commit", "1")
			}
			var answer struct {
				Error struct {
					Code int `json:"err_code"`
				} `json:"error"`
			}
			if r := need(nc.RequestMsg(m, 5*time.Second)); len(r.Data) > 0 {
				need(0, json.Unmarshal(r.Data, &answer))
			}
			code = answer.Error.Code
		}
		return code, need(stream.Info(ctx)).State.Msgs
	}
	_, stored := batch("first", "a", "b")
	fmt.Printf("batch of 2: stored %d; ", stored)
	code, stored := batch("first", "a", "b")
	fmt.Printf("the same again: error %d, stored %d; ", code, stored)
	code, stored = batch("second", "b", "c")
	fmt.Printf("one known id of two: error %d, stored %d\n", code, stored)
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF 'single again: duplicate true; batch of 2: stored 2; the same again: error 10201, stored 2; one known id of two: error 10201, stored 2' out
