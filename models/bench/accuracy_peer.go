package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrPeer is a peer's script that could not do its part; its last line is in
// the message.
var ErrPeer = errors.New("the peer's script failed")

// Python is Debian's, which has python3-torch.
const Python = "/usr/bin/python3"

// peerReport is what the script prints.
type peerReport struct {
	Peer  string         `json:"peer"`
	Flips map[string]int `json:"flips"` // per folder
}

// runPeer writes weights and inputs of every network to a folder of its name
// and has the script compute the rest.
func runPeer(ctx context.Context, script, dir string, networks []network, threads int) (r peerReport, err error) {
	for _, n := range networks {
		in := filepath.Join(dir, n.folder(), "in")
		if err := os.MkdirAll(in, 0o700); err != nil {
			return r, fmt.Errorf("bench: a folder for the peer: %w", err)
		}
		for _, p := range append(n.params[:len(n.params):len(n.params)], n.inputs...) {
			if err := saveArray(filepath.Join(in, p.Name+".npy"), p.Shape, p.Data); err != nil {
				return r, err
			}
		}
	}
	cmd := exec.CommandContext(ctx, Python, script, dir, strconv.Itoa(threads)) //nolint:gosec // the user names it
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return r, fmt.Errorf("bench: %w: %s: %w", ErrPeer, lines[len(lines)-1], err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("bench: %w: it printed no JSON: %w", ErrPeer, err)
	}
	return r, nil
}
