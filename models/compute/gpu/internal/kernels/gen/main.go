// Command gen writes the kernels as PTX: it needs Debian's clang-19 and
// libclc-19.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// bitcode are the functions of OpenCL for NVIDIA's cards.
const bitcode = "/usr/lib/clc/nvptx64--nvidiacl.bc"

func main() {
	folder := "ptx"
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	for _, p := range kernels.Precisions {
		for _, c := range kernels.Capabilities(p) {
			if err := write(folder, p, c); err != nil {
				_, _ = fmt.Fprintln(os.Stderr, "gen:", err)
				os.Exit(1)
			}
		}
	}
}

func write(folder string, p kernels.Precision, capability int) error {
	cmd := exec.Command("clang-19", "--target=nvptx64-unknown-unknown", fmt.Sprintf("-march=sm_%d", capability), "-x", "cl", "-cl-std=CL1.2", //nolint:gosec // constants
		"-O3", "-S", "-o", "-", "-Xclang", "-finclude-default-header", "-Xclang", "-mlink-builtin-bitcode", "-Xclang", bitcode, "-Wno-unused-command-line-argument", "-")
	cmd.Stdin = strings.NewReader(kernels.Source(p))
	var text, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("clang-19: %w\n%s", err, log.String())
	}
	if strings.Contains(text.String(), ".extern .func") {
		return fmt.Errorf("sm_%d: a function of OpenCL is not in libclc", capability)
	}
	head := fmt.Sprintf("// From the kernels of digest %s by make ptx.\n", kernels.Digest(p))
	return os.WriteFile(filepath.Join(folder, kernels.File(p, capability)), append([]byte(head), text.Bytes()...), 0o644) //nolint:gosec // no secret
}
