#!/usr/bin/env bash
# One would guess: MaxDeliver counts how often a worker has tried a message, so that MaxDeliver 2 gives up on one that has failed or stopped
# its worker twice; what Consume had fetched and not yet given to its handler comes again when it is stopped, as if it was not delivered.
# Seen: each fetched message counts as delivered, up to 500 at a time. Of ten messages and a worker that is stopped in the third, two stops leave
# four that no handler has ever seen, and none will: they are neither pending nor waiting. With PullMaxMessages(1) the same two stops cost
# two deliveries of single messages, and the rest is pending.
# Matters: two updates of a worker in a morning lose hundreds of scans, and its log knows none of them; a worker that is killed does the same.
# Bound what is fetched to what is worked on, and do not take NumDelivered for the number of tries.
# nats-server 2.15.2 (embedded), nats.go 1.55.0. Output seen (MaxDeliver 2, three runs):
#   default: 6 of 10 seen by the handler, 6 left in the stream, 0 pending, 0 waiting
#   PullMaxMessages(1): 7 of 10 seen by the handler, 4 left in the stream, 3 pending, 1 waiting
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
	run := func(name, subject string, opts ...jetstream.PullConsumeOpt) {
		stream := need(js.CreateStream(ctx, jetstream.StreamConfig{Name: subject, Subjects: []string{subject}, Retention: jetstream.WorkQueuePolicy}))
		consumer := need(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Second, MaxDeliver: 2}))
		for i := range 10 {
			need(js.Publish(ctx, subject, []byte{byte(i)}))
		}
		seen := map[byte]bool{}
		for range 3 {
			begun, third, stopped := 0, make(chan struct{}), make(chan struct{})
			c := need(consumer.Consume(func(m jetstream.Msg) {
				begun++
				seen[m.Data()[0]] = true
				if begun < 3 {
					m.DoubleAck(ctx)
				} else if begun == 3 {
					close(third)
					<-stopped // while it works on the third
					time.Sleep(time.Second / 2)
				}
			}, opts...))
			select {
			case <-third:
			case <-time.After(5 * time.Second):
			}
			c.Stop()
			close(stopped)
			<-c.Closed()
			time.Sleep(3 * time.Second)
		}
		info := need(consumer.Info(ctx))
		fmt.Printf("%s: %d of 10 seen by the handler, %d left in the stream, %d pending, %d waiting\n", name, len(seen),
			need(stream.Info(ctx)).State.Msgs, info.NumPending, info.NumAckPending)
	}
	run("default", "all")
	run("PullMaxMessages(1)", "one", jetstream.PullMaxMessages(1))
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
default: 6 of 10 seen by the handler, 6 left in the stream, 0 pending, 0 waiting
PullMaxMessages(1): 7 of 10 seen by the handler, 4 left in the stream, 3 pending, 1 waiting
SEEN
