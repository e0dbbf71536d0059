package bus

import (
	"fmt"
	"net"
	"os"
	"strings"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/nats-io/nuid"

	"github.com/nodulescope/nodulescope/internal/certfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// authenticate sets users and TLS as they were asked for.
func (s *Server) authenticate(op string, o ServerOptions, no *natsserver.Options) error {
	if (o.User == "") != (o.PasswordFile == "") {
		return coded.New(CodeSettings, op, "give both a user and a password file, or neither", nil)
	}
	if o.User != "" {
		password, err := readSecret(o.PasswordFile)
		if err != nil {
			return coded.New(CodeSettings, op, "password file", err)
		}
		no.Users = append(no.Users, &natsserver.User{Username: o.User, Password: password})
	}
	for _, key := range o.NkeyUsers {
		if !nkeys.IsValidPublicUserKey(key) {
			return coded.New(CodeSettings, op, "an nkey user is a public key that starts with U", nil)
		}
		no.Nkeys = append(no.Nkeys, &natsserver.NkeyUser{Nkey: key})
	}
	if o.AccessFile != "" {
		access, err := accessOf(o.AccessFile)
		if err != nil {
			return err
		}
		no.Users = append(no.Users, access.users()...)
	}
	if len(no.Users)+len(no.Nkeys) > 0 {
		s.user, s.password = "inside-"+nuid.Next(), newTraceParent()
		no.Users = append(no.Users, &natsserver.User{Username: s.user, Password: s.password})
	}
	if (o.TLSCert == "") != (o.TLSKey == "") || o.TLSClientCA != "" && o.TLSCert == "" {
		return coded.New(CodeSettings, op, "give a TLS certificate with its key; a client CA needs both", nil)
	}
	if o.TLSCert == "" {
		return nil
	}
	config, err := natsserver.GenTLSConfig(&natsserver.TLSConfigOpts{
		CertFile: o.TLSCert, KeyFile: o.TLSKey, CaFile: o.TLSClientCA, Verify: o.TLSClientCA != "",
	})
	if err != nil {
		return coded.New(CodeSettings, op, "TLS certificate, key or CA", err)
	}
	pair, err := certfile.Load(o.TLSCert, o.TLSKey, s.log)
	if err != nil {
		return coded.New(CodeSettings, op, "TLS certificate or key", err)
	}
	config.Certificates, config.GetCertificate = nil, pair.Server // a renewed one needs no restart
	no.TLS, no.TLSVerify, no.TLSConfig = true, o.TLSClientCA != "", config
	no.TLSTimeout = 5
	return nil
}

// Check reads the files that the options name, as [Start] does, and makes none.
// Code: settings_invalid.
func (o ServerOptions) Check() error {
	if path := o.AccessFile; path != "" {
		o.AccessFile = "" // it would be made
		if _, err := os.Stat(path); err == nil {
			if _, err := ReadAccess(path); err != nil {
				return err
			}
		}
	}
	_, err := new(Server).natsOptions("check bus server", o)
	return err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readSecret returns the one line of a small file.
func readSecret(path string) (string, error) {
	const limit = 4096
	data, err := smallfile.Read(path, limit)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s: must hold one line", path)
	}
	return secret, nil
}
