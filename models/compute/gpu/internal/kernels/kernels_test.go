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
	for _, p := range Precisions {
		all := PTX(p)
		for _, c := range Capabilities(p) {
			name, text := File(p, c), all[c]
			if head, _, _ := strings.Cut(text, "\n"); !strings.Contains(head, Digest(p)) {
				t.Errorf("%s is of other sources: run make ptx and commit what it writes", name)
			}
			if strings.Contains(text, ".extern") {
				t.Errorf("%s needs a function from elsewhere", name)
			}
			if !strings.Contains(text, fmt.Sprintf(".target sm_%d", c)) {
				t.Errorf("%s is for another card", name)
			}
			for _, k := range names(p) {
				if !strings.Contains(text, ".visible .entry "+k+"(") {
					t.Errorf("%s has no kernel %s", name, k)
				}
			}
		}
	}
}

// names are the kernels in the source.
func names(p Precision) []string {
	var all []string
	tile := ""
	for line := range strings.Lines(Source(p)) {
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

// TestTensorCores: the PTX of every tiled product has the instruction of tensor
// cores as often as the tiles need it, that of float32 nowhere, and cards before
// 8.0 get neither.
func TestTensorCores(t *testing.T) {
	const tf32, roundTF32 = "\tmma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f", "\tcvt.rna.tf32.f32 "
	const bf16, roundBF16 = "\tmma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f", "\tcvt.rn.bf16x2.f32 "
	for _, p := range Precisions {
		mma, round, other := tf32, roundTF32, bf16
		if p == BF16 {
			mma, round, other = bf16, roundBF16, tf32
		}
		products, terms := p.tensor()
		for c, text := range PTX(p) {
			entries := strings.Split(text, ".visible .entry ")[1:]
			for _, e := range entries {
				name, _, _ := strings.Cut(e, "(")
				want := 0
				for _, tile := range Tiles { // terms of a step, in pieces of 16 x 8 x terms
					if products > 0 && strings.HasSuffix(name, tile.Name) {
						want = products * tile.Rows * tile.Cols * 16 / (16 * 8 * terms) / (Threads / 32)
					}
				}
				if strings.Contains(e, other) {
					t.Errorf("%s, %s has products of another precision", File(p, c), name)
				}
				if n := strings.Count(e, mma); n != want {
					t.Errorf("%s, %s: %d products on tensor cores, want %d", File(p, c), name, n, want)
				}
				if (strings.Count(e, round) > 0) != (want > 0) || (want > 0 && c < 80) {
					t.Errorf("%s, %s: rounds %d times", File(p, c), name, strings.Count(e, round))
				}
			}
			if len(entries) != len(names(p)) {
				t.Errorf("%s has %d kernels, the source %d", File(p, c), len(entries), len(names(p)))
			}
		}
	}
	if len(Capabilities(Float32)) != 2 || Precision("tf16").Valid() || !TF32x3.Valid() || Names() != "float32, tf32, tf32x3 or bf16" {
		t.Error("capabilities or precisions")
	}
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
	for _, p := range Precisions {
		for c, want := range PTX(p) {
			got, err := os.ReadFile(filepath.Join(folder, File(p, c)))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("%s is not what clang-19 makes of the sources: run make ptx and commit what it writes", File(p, c))
			}
		}
	}
}
