package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"go.etcd.io/bbolt"
)

// maxPromiseBytes bounds what a promise is unpacked to.
const maxPromiseBytes = 16 << 20

// packers are gzip writers: making one costs more than packing a message.
var packers = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }}

// putPromise keeps the message of a result that is published, packed and with a
// checksum: a line of JSON, then the message as it is.
func putPromise(tx *bbolt.Tx, identity string, e Entry) error {
	if len(e.Event) == 0 { // another worker's
		return nil
	}
	event := e.Event
	e.Event = nil
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	_, err = w.Write(append(append(line, '\n'), event...))
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return tx.Bucket(bucketPromises).Put([]byte(identity), packed.Bytes())
}

// Promise returns a result that this ledger published, message included; there
// is false where it has published none of this identity, or before it kept them.
func (l *Ledger) Promise(identity string) (e Entry, there bool, err error) {
	err = l.view("read promise", func(tx *bbolt.Tx) error {
		packed := tx.Bucket(bucketPromises).Get([]byte(identity))
		if packed == nil {
			return nil
		}
		there = true
		e, err = readPromise(packed)
		return err
	})
	return e, there && err == nil, err
}

func readPromise(packed []byte) (e Entry, err error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return e, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPromiseBytes)) // checks the sum
	if err != nil {
		return e, err
	}
	line, event, found := bytes.Cut(text, []byte("\n"))
	if !found {
		return e, errors.New("a promise has no message")
	}
	err = json.Unmarshal(line, &e)
	e.Event = event
	return e, err
}

// DropDamaged reads every promise, forgets those that cannot be read, and tells
// whose they were. They are to be taken from RESULTS again ([Adopt]).
func (l *Ledger) DropDamaged() (identities []string, err error) {
	err = l.view("read promises", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketPromises).ForEach(func(k, v []byte) error {
			if _, err := readPromise(v); err != nil {
				identities = append(identities, string(k))
			}
			return nil
		})
	})
	if err != nil || len(identities) == 0 {
		return nil, err
	}
	return identities, l.update("drop promises", func(tx *bbolt.Tx) error {
		for _, identity := range identities {
			if err := tx.Bucket(bucketPromises).Delete([]byte(identity)); err != nil {
				return err
			}
		}
		return nil
	})
}
