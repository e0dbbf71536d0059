// Package certfile has TLS certificates that are renewed in their files while a
// program runs, as an ACME client does every few weeks.
package certfile

import (
	"crypto/tls"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const (
	maxBytes = 1 << 20
	period   = time.Second // the files are read anew at most so often
)

// Pair is a certificate with its key, as their files have them now.
type Pair struct {
	cert, key string
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // held by whoever reads the files; others take the current one
	read time.Time
}

// Load reads the PEM files of a certificate, with those between it and its
// authority, and of its key. log hears of a renewed pair that cannot be used.
func Load(cert, key string, log *slog.Logger) (*Pair, error) {
	p := &Pair{cert: cert, key: key, log: log, read: time.Now()}
	pair, err := p.load()
	if err != nil {
		return nil, err
	}
	p.current.Store(pair)
	return p, nil
}

func (p *Pair) load() (*tls.Certificate, error) {
	cert, err := smallfile.Read(p.cert, maxBytes)
	if err != nil {
		return nil, err
	}
	key, err := smallfile.Read(p.key, maxBytes)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return &pair, err
}

// Certificate is the pair of the files, or the last one that could be used: while
// it is being renewed, a certificate and the key of another may lie there.
func (p *Pair) Certificate() *tls.Certificate {
	if p.mu.TryLock() {
		defer p.mu.Unlock()
		if time.Since(p.read) >= period {
			p.read = time.Now()
			if pair, err := p.load(); err == nil {
				p.current.Store(pair)
			} else {
				p.log.Warn("a renewed certificate or its key cannot be used: the former one stays in use", "error", err)
			}
		}
	}
	return p.current.Load()
}

// Server is a [tls.Config.GetCertificate].
func (p *Pair) Server(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.Certificate(), nil }

// Client is a [tls.Config.GetClientCertificate].
func (p *Pair) Client(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return p.Certificate(), nil
}
