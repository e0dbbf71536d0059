package plugin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/disk"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// CheckStart looks at what [Plugin.Run] needs beside good settings, and changes
// nothing: a data folder that can be written, free space, certificates, keys and
// passwords that can be read and used, and the file of users. Its error joins all
// that is wrong. A broker that is not there is waited for at the start: it is not
// looked at.
func (p *Plugin) CheckStart() error {
	errs := []error{p.checkFolder(), checkRestored(p.cfg.DataDir), p.checkReviewFiles()}
	switch {
	case p.cfg.Bus.URL != "":
		errs = append(errs, p.cfg.Bus.Check())
	case p.cfg.Bus.Server == nil:
		errs = append(errs, p.cfg.Server.Check())
	}
	return errors.Join(errs...)
}

// checkFolder makes sure that the data folder can be written, or made where it is
// to be, and that there is room.
func (p *Plugin) checkFolder() error {
	const op = "check data folder"
	at := p.cfg.DataDir
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", at)
	}
	if err == nil {
		var probe string
		if probe, err = os.MkdirTemp(at, ".check-*"); err == nil {
			err = os.Remove(probe)
		}
	}
	if err != nil {
		return coded.New(CodeSettings, op, "it cannot be made, or written: give it to the user of the service, or name another one", err)
	}
	free, err := disk.Free(at)
	if err != nil {
		return coded.New(CodeSettings, op, "its free space is unknown", err)
	}
	if free < p.cfg.MinFreeBytes {
		return coded.New(CodeSettings, op, fmt.Sprintf("%d MiB are free and %d MiB are needed", free>>20, p.cfg.MinFreeBytes>>20), nil)
	}
	return nil
}

// checkReviewFiles reads the certificate and the users of the review page.
func (p *Plugin) checkReviewFiles() error {
	const op = "check review page"
	c := p.cfg.Review
	if c.Addr == "" {
		return nil
	}
	var errs []error
	if c.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err == nil {
			var leaf *x509.Certificate
			if leaf, err = x509.ParseCertificate(pair.Certificate[0]); err == nil && time.Now().After(leaf.NotAfter) {
				err = fmt.Errorf("it was valid until %s", leaf.NotAfter.Format(time.RFC3339))
			}
		}
		if err != nil {
			errs = append(errs, coded.New(CodeSettings, op, "certificate or key cannot be used", err))
		}
	}
	if _, err := accounts.Load(p.usersFile()); err != nil {
		errs = append(errs, coded.New(CodeSettings, op, "the file of users cannot be read, so that nobody can sign in: restore it, or remove it and add the users again", err))
	}
	return errors.Join(errs...)
}

// PortsInUse are the addresses that the service would listen on and somebody has
// already: the service itself, where it runs.
func (p *Plugin) PortsInUse(ctx context.Context) (taken []string) {
	addresses := []string{p.cfg.HTTPAddr, p.cfg.Review.Addr}
	if p.cfg.Bus.URL == "" && p.cfg.Bus.Server == nil && !p.cfg.Server.DontListen && p.cfg.Server.Port >= 0 {
		port := orDefault(p.cfg.Server.Port, bus.DefaultPort)
		addresses = append(addresses, net.JoinHostPort(orDefault(p.cfg.Server.Host, "127.0.0.1"), fmt.Sprint(port)))
	}
	for _, address := range addresses {
		if address == "" {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			taken = append(taken, address)
			continue
		}
		_ = l.Close() // nothing came
	}
	return taken
}
