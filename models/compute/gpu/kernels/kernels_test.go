package kernels

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPTX: what is committed comes from the sources that are, needs no function
// that the driver lacks, and has every kernel.
func TestPTX(t *testing.T) {
	all := PTX()
	for _, c := range Capabilities {
		text := all[c]
		if head, _, _ := strings.Cut(text, "\n"); !strings.Contains(head, Digest()) {
			t.Errorf("sm_%d is of other sources: run make ptx and commit what it writes", c)
		}
		if strings.Contains(text, ".extern") {
			t.Errorf("sm_%d needs a function from elsewhere", c)
		}
		if !strings.Contains(text, fmt.Sprintf(".target sm_%d", c)) {
			t.Errorf("sm_%d is for another card", c)
		}
		for _, name := range names() {
			if !strings.Contains(text, ".visible .entry "+name+"(") {
				t.Errorf("sm_%d has no kernel %s", c, name)
			}
		}
	}
}

// names are the kernels in the source.
func names() []string {
	var all []string
	tile := ""
	for line := range strings.Lines(Source()) {
		if s, ok := strings.CutPrefix(line, "#define KERNEL(name) name##"); ok {
			tile = strings.TrimSpace(s)
		}
		if !strings.HasPrefix(line, "__kernel") {
			continue
		}
		_, s, _ := strings.Cut(line, "void ")
		name, _, _ := strings.Cut(s, "(ARGS)")
		if n, ok := strings.CutPrefix(name, "KERNEL("); ok {
			name = strings.TrimSuffix(n, ")") + tile
		}
		all = append(all, name)
	}
	return all
}

// TestFreshPTX compiles the sources again: the same compiler writes the same.
func TestFreshPTX(t *testing.T) {
	if _, err := exec.LookPath("clang-19"); err != nil {
		t.Skip("no clang-19 (Debian's clang-19 and libclc-19)")
	}
	folder := t.TempDir()
	cmd := exec.Command("go", "run", "./gen", folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for c, want := range PTX() {
		got, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("sm_%d.ptx", c)))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("sm_%d is not what clang-19 makes of the sources: run make ptx and commit what it writes", c)
		}
	}
}
