package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// A plugin with a review page and one reviewer, on a free port of this machine.
func ExampleReviewConfig() {
	dir, remove := exampletest.Dir()
	defer remove()
	hash, err := accounts.HashPassword("a sentence that only Ann knows")
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := accounts.User{Name: "ann", DisplayName: "Dr. Ann", Role: accounts.RoleReview, Hash: hash, Created: time.Now()}
	if err := accounts.Save(plugin.UsersFile(dir), []accounts.User{ann}); err != nil {
		fmt.Println(err)
		return
	}
	p, err := plugin.New(plugin.Config{
		DataDir: dir, Detectors: []detector.Detector{exampleDetector()}, Server: bus.ServerOptions{DontListen: true},
		AllowedRoots: []string{filepath.Join(dir, "ct")},
		Review:       plugin.ReviewConfig{Addr: "127.0.0.1:0"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	if _, err := p.Bus(ctx); err != nil {
		fmt.Println(err)
		return
	}
	answer, err := http.Get(p.ReviewURL() + "/api/v1/auth")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	var auth struct {
		Local       bool   `json:"local"`
		IntendedUse string `json:"intended_use"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&auth); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("sign in with a password:", auth.Local)
	fmt.Println(auth.IntendedUse)
	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// sign in with a password: true
	// For research and for review by a radiologist, never for triage or diagnosis. A score is a deviation from reference nodules, never a probability of cancer.
	// ended: <nil>
}
