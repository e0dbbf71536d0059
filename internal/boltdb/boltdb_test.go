package boltdb

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

var bucket = []byte("things/v1")

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(path, bucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, bucket); !errors.Is(err, ErrLocked) {
		t.Errorf("a second one opened it: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(path, bucket); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "b.db")
	if err := os.WriteFile(bad, bytes.Repeat([]byte("no database "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(bad, bucket); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("what is no database: %v", err)
	}
}

func TestValues(t *testing.T) {
	db, err := Open(filepath.Join(t.TempDir(), "a.db"), bucket)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	type thing struct{ N int }
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for n, key := range []string{"a", "b", "c"} {
			if err := Put(b, key, thing{n}); err != nil {
				return err
			}
		}
		var got thing
		if there, err := Get(b, "b", &got); !there || err != nil || got.N != 1 {
			t.Errorf("%v, %v, %v", got, there, err)
		}
		if there, err := Get(b, "z", &got); there || err != nil || got.N != 1 {
			t.Errorf("what is not there: %v, %v, %v", got, there, err)
		}
		gone, err := DeleteWhere(b, func(key, _ []byte) (bool, error) { return string(key) != "b", nil })
		if gone != 2 || err != nil || b.Get([]byte("a")) != nil || b.Get([]byte("b")) == nil {
			t.Errorf("%d deleted, %v", gone, err)
		}
		failed := errors.New("no")
		if _, err := DeleteWhere(b, func(_, _ []byte) (bool, error) { return true, failed }); !errors.Is(err, failed) || b.Get([]byte("b")) == nil {
			t.Errorf("deleted in spite of %v", err)
		}
		if err := b.Put([]byte("bad"), []byte("{")); err != nil {
			return err
		}
		if there, err := Get(b, "bad", &got); !there || err == nil {
			t.Errorf("a damaged value: %v, %v", there, err)
		}
		if Put(b, "nan", math.NaN()) == nil {
			t.Error("NaN was stored")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	last := Key(0)
	for _, n := range []uint64{1, 255, 256, 1 << 40, math.MaxUint64} {
		key := Key(n)
		if Number(key) != n || bytes.Compare(last, key) >= 0 {
			t.Errorf("key of %d: %x, back %d", n, key, Number(key))
		}
		last = key
	}
	if Number([]byte("short")) != 0 {
		t.Error("what is no key has a number")
	}
}
