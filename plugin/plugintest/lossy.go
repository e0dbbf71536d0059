package plugintest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Lossy stands between clients and a broker and loses messages of the broker
// as a network does that fails for a moment: the connection lives on.
type Lossy struct {
	URL string

	mu   sync.Mutex
	lose func(message []byte) bool
	lost int
}

// NewLossy passes everything on until [Lossy.Lose] is called.
func NewLossy(t testing.TB, brokerURL string) *Lossy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	Must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	l := &Lossy{URL: "nats://" + listener.Addr().String()}
	broker := strings.TrimPrefix(brokerURL, "nats://")
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", broker) //nolint:noctx // as above
			if err != nil {
				_ = client.Close()
				continue
			}
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { l.pass(client, server); _ = client.Close() }()
		}
	}()
	return l
}

// Lose has the messages that lose says yes to vanish; nil: none.
func (l *Lossy) Lose(lose func(message []byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = lose
}

// Lost is how many have vanished.
func (l *Lossy) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// pass copies line by line, and a message (MSG, HMSG: its line ends with the
// number of bytes that follow) as a whole or not at all.
func (l *Lossy) pass(client io.Writer, server io.Reader) {
	in := bufio.NewReaderSize(server, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		if word := bytes.Fields(line); len(word) > 3 && (string(word[0]) == "MSG" || string(word[0]) == "HMSG") {
			size, err := strconv.Atoi(string(word[len(word)-1]))
			if err != nil {
				return
			}
			body := make([]byte, size+2)
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			if line = append(line, body...); l.loses(line) {
				continue
			}
		}
		if _, err := client.Write(line); err != nil {
			return
		}
	}
}

func (l *Lossy) loses(message []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose == nil || !l.lose(message) {
		return false
	}
	l.lost++
	return true
}
