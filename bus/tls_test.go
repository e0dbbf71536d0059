package bus

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestTLS has a server that asks for certificates of its own CA: a client that
// has one comes in, others do not, and the process's own connection needs none.
// A renewed certificate is shown without a restart.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := certificate(t, dir, "ca", nil, nil)
	certificate(t, dir, "server", ca, caKey)
	certificate(t, dir, "client", ca, caKey)
	path := func(name string) string { return filepath.Join(dir, name) }
	s := startServer(t, ServerOptions{
		Port: -1, TLSCert: path("server.crt"), TLSKey: path("server.key"), TLSClientCA: path("ca.crt"),
	})
	if err := connect(t, Options{Server: s}).EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	known := connect(t, Options{URL: s.URL(), TLSCA: path("ca.crt"), TLSCert: path("client.crt"), TLSKey: path("client.key")})
	if err := known.Health(testContext(t)); err != nil {
		t.Error(err)
	}
	for name, opts := range map[string]Options{
		"without a certificate": {URL: s.URL(), TLSCA: path("ca.crt")},
		"unknown CA":            {URL: s.URL()},
	} {
		if _, err := Connect(testContext(t), opts); CodeOf(err) != CodeUnreachable {
			t.Errorf("%s: %v", name, err)
		}
	}
	renewed, _ := certificate(t, dir, "server", ca, caKey)
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		b := connect(t, Options{URL: s.URL(), TLSCA: path("ca.crt"), TLSCert: path("client.crt"), TLSKey: path("client.key")})
		state, err := b.nc.TLSConnectionState()
		if err != nil {
			t.Fatal(err)
		}
		if state.PeerCertificates[0].Equal(renewed) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the former certificate is still shown")
		}
	}
}

// certificate writes name.crt and name.key for 127.0.0.1, signed by parent or
// by itself.
func certificate(t *testing.T, dir, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: parent == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}
