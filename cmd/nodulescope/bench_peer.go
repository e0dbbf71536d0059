package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/models/bench"
)

// peerMemory is the peer's name for the memory that a latent search adds, MiB.
const peerMemory = "search MiB"

// peerReport is what a peer's script prints, as one JSON object.
type peerReport struct {
	Peer string             `json:"peer"` // what ran
	MS   map[string]float64 `json:"ms"`   // medians of works
	CPU  map[string]float64 `json:"cpu"`  // medians of their processor time, ms
	MiB  map[string]float64 `json:"mib"`  // memory that works add
	HU   []float64          `json:"hu"`   // means of cubes
}

// otherPeer is a peer beside the first, with the works that it has.
type otherPeer struct {
	Peer string         `json:"peer"`
	Rows []bench.Result `json:"rows"`
}

// choosePeer makes the first script the peer. Only the plain table takes more
// than one.
func (o *benchOptions) choosePeer() error {
	if len(o.peers) > 0 {
		o.peer = o.peers[0]
	}
	if len(o.peers) > 1 && (o.accuracy || o.whole || o.series != "" || !isProcessor(o.device.setting)) {
		return usageError(errors.New("more than one --peer"), "--accuracy, --whole, --series and --device take one")
	}
	return nil
}

// others runs the scripts behind the first.
func (o benchOptions) others(ctx context.Context) (rs []peerReport, err error) {
	for _, script := range o.peers[min(1, len(o.peers)):] {
		o.peer = script
		ms, name, err := runPeer(ctx, o)
		if err != nil {
			return nil, err
		}
		rs = append(rs, peerReport{Peer: name, MS: ms})
	}
	return rs, nil
}

// against holds rows against peers that ran before and after them.
func against(rows []bench.Result, before, after []peerReport) (others []otherPeer) {
	for i, b := range before {
		o := otherPeer{Peer: b.Peer}
		for _, row := range rows {
			if row.PeerMS = (b.MS[row.Name] + after[i].MS[row.Name]) / 2; row.PeerMS > 0 {
				row.Ratio = row.PeerMS / row.MS
				o.Rows = append(o.Rows, row)
			}
		}
		others = append(others, o)
	}
	return others
}

func (o otherPeer) table(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\npeer: %s\n\n", o.Peer) // to memory
	var rows [][]string
	for _, x := range o.Rows {
		rows = append(rows, []string{x.Name, fmt.Sprintf("%.2f", x.MS), fmt.Sprintf("%.2f", x.PeerMS), fmt.Sprintf("%.1fx", x.Ratio)})
	}
	_ = writeRows(w, []string{"work", "ms", "peer ms", "ratio"}, rows) // as above
}

// runPeer runs the peer's script with the number of threads; a script for node
// also gets a folder of exported models.
func runPeer(ctx context.Context, o benchOptions) (ms map[string]float64, name string, err error) {
	if filepath.Ext(o.peer) != ".mjs" {
		r, err := peer(ctx, o, "Debian's python3-torch", strconv.Itoa(o.threads))
		return r.MS, r.Peer, err
	}
	dir, err := os.MkdirTemp("", "nodulescope-bench-")
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = os.RemoveAll(dir) }() // of the system's temporary files
	for _, n := range []int{1, 32} {
		files, err := exportOptions{batch: n}.files()
		if err != nil {
			return nil, "", err
		}
		for _, f := range files {
			if f.name != "encoder.onnx" && f.name != "decoder.onnx" {
				continue
			}
			path := filepath.Join(dir, strings.TrimSuffix(f.name, ".onnx")+fmt.Sprintf("-%d.onnx", n))
			if err := os.WriteFile(path, f.model, 0o600); err != nil {
				return nil, "", err
			}
		}
	}
	o.python = "node"
	r, err := peer(ctx, o, "node, run 'make onnxruntime', let NODULESCOPE_ORT name its folder", strconv.Itoa(o.threads), dir)
	return r.MS, r.Peer, err
}

// peer runs the peer's script, which needs a package, with Debian's Python or
// what stands in its place.
func peer(ctx context.Context, o benchOptions, needs string, args ...string) (r peerReport, err error) {
	if o.peer == "" {
		return r, nil
	}
	cmd := exec.CommandContext(ctx, o.python, append([]string{o.peer}, args...)...) //nolint:gosec // the user names it
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return r, usageError(errors.Join(fmt.Errorf("the peer's script failed: %s", lines[len(lines)-1]), err), "install "+needs+" and name a script of docs/peer")
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("the peer's script printed no JSON: %w", err)
	}
	return r, nil
}
