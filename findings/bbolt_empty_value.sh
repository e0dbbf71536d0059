#!/usr/bin/env bash
# One would guess: a key put into a bucket with the value nil is there, so Get, which gives nil where there is no key, does not give nil; in
# the transaction that put it and in the next one alike.
# Seen: nil in the transaction that put it, an empty slice that is not nil in every later one. ForEach shows the key in both, in the first
# with the value nil, as it shows a nested bucket.
# Matters: in a bucket used as a set two equal keys in one transaction are not known as duplicates, those over two are, and what walks a
# tree of buckets takes the key for a bucket. Put []byte{} instead.
# go.etcd.io/bbolt 1.5.0. Output seen:
#   same transaction: Get nil true, ForEach nil true, []byte{}: Get nil false; next: Get nil false, ForEach nil false
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
printf 'module finding\ngo 1.26\nrequire go.etcd.io/bbolt v1.5.0\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"fmt"

	"go.etcd.io/bbolt"
)

func main() {
	db, err := bbolt.Open("seen.db", 0o600, nil)
	check(err)
	show := func(b *bbolt.Bucket) {
		check(b.ForEach(func(k, v []byte) error {
			if string(k) == "nil" {
				fmt.Printf("Get nil %v, ForEach nil %v", b.Get(k) == nil, v == nil)
			}
			return nil
		}))
	}
	check(db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("seen"))
		check(err)
		check(b.Put([]byte("nil"), nil))
		check(b.Put([]byte("empty"), []byte{}))
		fmt.Print("same transaction: ")
		show(b)
		fmt.Printf(", []byte{}: Get nil %v; next: ", b.Get([]byte("empty")) == nil)
		return nil
	}))
	check(db.View(func(tx *bbolt.Tx) error {
		show(tx.Bucket([]byte("seen")))
		fmt.Println()
		return nil
	}))
	check(db.Close())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qxF 'same transaction: Get nil true, ForEach nil true, []byte{}: Get nil false; next: Get nil false, ForEach nil false' out
