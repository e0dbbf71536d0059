#!/usr/bin/env bash
# One would guess: a publish with a message id and an expected last sequence can be repeated when its answer was lost: within the
# duplicate window the stream knows the id and answers Duplicate, however many replicas it has.
# Seen: only a replicated stream does. With one replica the expectation is checked before the id, and the message that was stored the
# first time is what breaks it: "wrong last sequence", for ExpectLastSequence and ExpectLastSequencePerSubject alike.
# Matters: the retry reports that somebody else was faster while its own write is in the stream. What was tried on a cluster fails on
# the single server of a small site. After this error look whether the last message has one's own id.
# nats-server 2.15.2 (embedded, three in a cluster), nats.go 1.55.0. Output seen:
#   1 replica: wrong last sequence, per subject: wrong last sequence, id alone: duplicate
#   3 replicas: duplicate, per subject: duplicate, id alone: duplicate
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
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	js := cluster(3)
	for _, replicas := range []int{1, 3} {
		name := fmt.Sprint("R", replicas)
		createStream(js, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Replicas: replicas})
		fmt.Printf("%d replica%.*s: %s, per subject: %s, id alone: %s\n", replicas, replicas/2, "s",
			twice(js, name, "a", jetstream.WithExpectLastSequence(0)),
			twice(js, name, "b", jetstream.WithExpectLastSequencePerSubject(1)), twice(js, name, "c"))
	}
}

// twice publishes the same message twice and says what the second gave.
func twice(js jetstream.JetStream, subject, id string, expect ...jetstream.PublishOpt) string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	options := append(expect, jetstream.WithMsgID(id))
	need(js.Publish(ctx, subject, []byte("x"), options...))
	ack, err := js.Publish(ctx, subject, []byte("x"), options...)
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return "wrong last sequence"
	case err != nil:
		return err.Error()
	case ack.Duplicate:
		return "duplicate"
	}
	return "stored twice"
}

func cluster(size int) jetstream.JetStream {
	ports, routes := addresses(size)
	var first *server.Server
	for i, port := range ports {
		s := need(server.NewServer(&server.Options{
			ServerName: fmt.Sprint(i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: filepath.Join(os.Args[1], fmt.Sprint(i)), NoLog: true, NoSigs: true,
			Cluster: server.ClusterOpts{Name: "finding", Host: "127.0.0.1", Port: port}, Routes: routes,
		}))
		go s.Start()
		s.ReadyForConnections(10 * time.Second)
		first = s
	}
	return need(jetstream.New(need(nats.Connect(first.ClientURL()))))
}

// addresses are free when it returns.
func addresses(n int) (ports []int, urls []*url.URL) {
	for range n {
		l := need(net.Listen("tcp", "127.0.0.1:0"))
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		urls = append(urls, need(url.Parse("nats://"+l.Addr().String())))
	}
	return ports, urls
}

// createStream tries again until the cluster has a leader.
func createStream(js jetstream.JetStream, config jetstream.StreamConfig) {
	var err error
	for range 30 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		_, err = js.CreateStream(ctx, config)
		cancel()
		if err == nil {
			return
		}
	}
	panic(err)
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . "$work/store" | tee out
grep -qxF '1 replica: wrong last sequence, per subject: wrong last sequence, id alone: duplicate' out
grep -qxF '3 replicas: duplicate, per subject: duplicate, id alone: duplicate' out
