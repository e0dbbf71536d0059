package j2k

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// mix makes code of T.800 to code in which every other code-block is of T.814. One
// tile, one layer, a reversible wavelet.
func mix(t *testing.T, code []byte) []byte {
	t.Helper()
	m, err := Open(code, accept)
	if err != nil {
		t.Fatal(err)
	}
	at := &m.tiles[0]
	budget := maxBlocks
	if err := errors.Join(at.build(&m.code.size, &budget), at.packets()); err != nil {
		t.Fatal(err)
	}
	e := encoding{layers: 1, progression: at.params.cod.progression, causal: at.params.cod.blocks&blockCausal != 0,
		sets: []htPasses{{0, []int{0}}}, classic: map[*block]*coded{}, want: map[*band][]int32{}}
	n := 0
	for _, l := range at.levels {
		for _, p := range l.precincts {
			for _, q := range p.parts {
				for i := range q.blocks {
					k := &q.blocks[i]
					if n++; k.passes == 0 || n%2 == 0 {
						continue
					}
					c := &coded{zeros: k.zeros, bits: 3, classic: true, passes: make([]codedPass, k.passes)}
					c.passes[0].code = bytes.Clone(k.codewords[0].data)
					e.classic[k] = c
				}
			}
		}
	}
	if _, err := m.Region(m.Bounds()); err != nil {
		t.Fatal(err)
	}
	var bands [][][]float64
	for r := range at.levels {
		var of [][]float64
		for i := range at.levels[r].bands {
			b := &at.levels[r].bands[i]
			e.want[b] = make([]int32, len(b.whole))
			coefficients := make([]float64, len(b.whole))
			for i, v := range b.whole {
				coefficients[i] = float64(v)
			}
			of = append(of, coefficients)
		}
		bands = append(bands, of)
	}
	body := e.packets(at, bands)
	out := bytes.Clone(code[:bytes.Index(code, []byte{0xFF, 0x90})])
	out[6] |= 0x40 // there is CAP, behind SIZ: both kinds of code-blocks
	cod := bytes.Index(out, []byte{0xFF, 0x52})
	out[cod+12] |= blockHT | blockMixed
	out = slices.Insert(out, 4+int(binary.BigEndian.Uint16(out[4:])), 0xFF, 0x50, 0, 8, 0, 2, 0, 0, 0xC0, 9)
	out = append(out, 0xFF, 0x90, 0, 10, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)+14))
	return append(append(append(out, 0, 1, 0xFF, 0x93), body...), 0xFF, 0xD9)
}

// TestMixed: code-blocks of T.800 and T.814 in one image give the image. With
// NODULESCOPE_HTJ2K the streams are written to that folder.
func TestMixed(t *testing.T) {
	for _, name := range []string{"j2k_8.j2k", "j2k_12.j2k", "j2k_16.j2k", "j2k_small.j2k"} {
		code, err := os.ReadFile("../../testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := decode(code, accept)
		if err != nil {
			t.Fatal(err)
		}
		mixed := mix(t, code)
		m, err := Open(mixed, accept)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Region(m.Bounds())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: other pixels, %v", name, err)
		}
		classic, throughput := 0, 0
		for _, l := range m.tiles[0].levels {
			for _, p := range l.precincts {
				for _, q := range p.parts {
					for i := range q.blocks {
						if k := &q.blocks[i]; k.classic {
							classic++
						} else if k.passes > 0 {
							throughput++
						}
					}
				}
			}
		}
		if classic < 3 || throughput < 3 {
			t.Errorf("%s: %d code-blocks of T.800, %d of T.814", name, classic, throughput)
		}
		checkRegions(t, name, mixed, 40)
		if dir := os.Getenv("NODULESCOPE_HTJ2K"); dir != "" {
			raw := make([]byte, 0, 2*len(got))
			for _, v := range got {
				raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
			}
			for ext, b := range map[string][]byte{".j2c": mixed, ".raw": raw} {
				if err := os.WriteFile(filepath.Join(dir, "mixed_"+name[:len(name)-4]+ext), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if name == "j2k_small.j2k" {
			if stored, err := os.ReadFile("../../testdata/j2k_ht_mixed.jph"); err != nil || !bytes.Equal(stored, mixed) {
				t.Errorf("j2k_ht_mixed.jph has other %d bytes, %v", len(stored), err)
			}
		}
	}
}
