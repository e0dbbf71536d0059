package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/web"
)

const demoUser = "demo"

// showReview serves the review page over what the demo has scored, until ctx
// ends, and prints a link that signs in once.
func showReview(ctx context.Context, addr, series, dataDir string, by scorers, log *slog.Logger, stdout io.Writer) error {
	root, err := filepath.Abs(series)
	if err != nil {
		return err
	}
	hash, err := accounts.HashPassword(rand.Text()) // nobody knows it: the link is the only way in
	if err != nil {
		return err
	}
	user := accounts.User{Name: demoUser, DisplayName: "Demo", Role: accounts.RoleReview, Hash: hash, Created: time.Now().UTC()}
	if err := accounts.Save(plugin.UsersFile(dataDir), []accounts.User{user}); err != nil {
		return err
	}
	p, err := plugin.New(plugin.Config{
		DataDir: dataDir, Detectors: by.detectors, Outliner: by.outliner, Rungs: by.rungs, Software: software(), Logger: log, AllowedRoots: []string{root},
		Server: bus.ServerOptions{DontListen: true}, Grace: time.Second,
		Review: plugin.ReviewConfig{Addr: addr, Page: web.Files()},
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	if _, err := p.Bus(ctx); err == nil { // otherwise Run says what is wrong
		fmt.Fprintf(stdout, "\nThe review page, on this machine alone. The link signs in once, within ten minutes:\n  %s\nCtrl-C ends it.\n", p.ReviewLink(demoUser))
	}
	return <-ended
}
