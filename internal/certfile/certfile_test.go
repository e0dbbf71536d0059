package certfile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// write makes cert.pem and key.pem of a certificate with this number.
func write(t *testing.T, dir string, number int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	checktest.Must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(number), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	checktest.Must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	checktest.Must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	checktest.Must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	checktest.Must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert, key
}

// Server and client show each other what their files hold, and the former pair
// while a renewal is half done.
func TestRenewed(t *testing.T) {
	serverDir, clientDir := t.TempDir(), t.TempDir()
	var log bytes.Buffer
	server, err := Load(writeFor(t, serverDir, 1, &log))
	checktest.Must(t, err)
	client, err := Load(writeFor(t, clientDir, 2, &log))
	checktest.Must(t, err)
	var seen int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = r.TLS.PeerCertificates[0].SerialNumber.Int64()
	}))
	s.TLS = &tls.Config{GetCertificate: server.Server, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()
	want := func(ofServer, ofClient int64) {
		t.Helper()
		for _, p := range []*Pair{server, client} {
			p.read = time.Now().Add(-period)
		}
		c := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{GetClientCertificate: client.Client, ServerName: "x", InsecureSkipVerify: true}, //nolint:gosec // its own
		}}
		res, err := c.Get(s.URL)
		checktest.Must(t, err)
		checktest.Must(t, res.Body.Close())
		if got := res.TLS.PeerCertificates[0].SerialNumber.Int64(); got != ofServer || seen != ofClient {
			t.Errorf("server %d, client %d; want %d, %d", got, seen, ofServer, ofClient)
		}
	}
	want(1, 2)
	write(t, serverDir, 3)
	write(t, clientDir, 4)
	want(3, 4)
	if log.Len() > 0 {
		t.Error(log.String())
	}
	former, err := os.ReadFile(filepath.Join(serverDir, "key.pem"))
	checktest.Must(t, err)
	cert, key := write(t, serverDir, 5)
	checktest.Must(t, os.WriteFile(key, former, 0o600))
	want(3, 4)
	checktest.Must(t, os.Remove(cert))
	want(3, 4)
	if strings.Count(log.String(), "the former one stays in use") != 2 {
		t.Error(log.String())
	}
	write(t, serverDir, 6)
	want(6, 4)
}

func writeFor(t *testing.T, dir string, number int64, log *bytes.Buffer) (cert, key string, logger *slog.Logger) {
	t.Helper()
	cert, key = write(t, dir, number)
	return cert, key, slog.New(slog.NewTextHandler(log, nil))
}

// Who comes while the files are being read, on a disk that does not answer, is
// not held up.
func TestNobodyWaits(t *testing.T) {
	cert, key := write(t, t.TempDir(), 1)
	p, err := Load(cert, key, slog.New(slog.DiscardHandler))
	checktest.Must(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Certificate() == nil {
		t.Error("no certificate")
	}
}

func TestLoadRefuses(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	cert, _ := write(t, dir, 1)
	_, key := write(t, other, 2)
	if _, err := Load(cert, key, nil); err == nil {
		t.Error("the key of another certificate is taken")
	}
	if _, err := Load(cert, filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a key that is not there is taken")
	}
}
