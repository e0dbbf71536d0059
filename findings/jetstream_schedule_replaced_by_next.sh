#!/usr/bin/env bash
# One would guess: messages with a schedule are messages: two on one subject, each acknowledged with a sequence of its own, are both kept and both
# sent when their time comes, as the stream keeps all messages of a subject (MaxMsgsPerSubject is unlimited).
# Seen: a schedule is one for each subject. The second replaces the first, which is never sent; the answer is that of any other message. A plain message
# behind it keeps it from being sent as well, though it stays stored, as the stream keeps all three.
# Matters: "try again in an hour" on one subject for all jobs forgets all but the last; with one job at a time, as in a test, it works. Give each a
# subject of its own, such as retry.ID, and put no other messages there.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (two on the same subject, two on their own, one with two plain messages behind it):
#   same: sent second
#   own: sent first second
#   plain: sent
#   map[later.plain:3]
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
	stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: "RETRY", Subjects: []string{"later.>", "now.>"}, AllowMsgSchedules: true}))
	schedule := func(subject, target string, after time.Duration) {
		m := nats.NewMsg(subject)
		m.Header.Set("Nats-Schedule", "@at "+time.Now().Add(after).UTC().Format(time.RFC3339))
		m.Header.Set("Nats-Schedule-Target", target)
		need(js.PublishMsg(ctx, m))
	}
	schedule("later.same", "now.same.first", 3*time.Second)
	schedule("later.same", "now.same.second", 4*time.Second)
	schedule("later.1", "now.own.first", 3*time.Second)
	schedule("later.2", "now.own.second", 4*time.Second)
	schedule("later.plain", "now.plain.first", 3*time.Second)
	need(js.Publish(ctx, "later.plain", nil))
	need(js.Publish(ctx, "later.plain", nil))
	time.Sleep(7 * time.Second)
	for _, kind := range []string{"same", "own", "plain"} {
		sent := ""
		for _, which := range []string{"first", "second"} {
			if _, err := stream.GetLastMsgForSubject(ctx, "now."+kind+"."+which); err == nil {
				sent += " " + which
			}
		}
		fmt.Printf("%s: sent%s\n", kind, sent)
	}
	fmt.Println(need(stream.Info(ctx, jetstream.WithSubjectFilter("later.>"))).State.Subjects)
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
same: sent second
own: sent first second
plain: sent
map[later.plain:3]
SEEN
