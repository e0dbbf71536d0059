package packed

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// unpack is what the page does, written from the description.
func unpack(t *testing.T, s Slice, rows, cols int) []int16 {
	t.Helper()
	inflate := func(b []byte) []byte {
		out, err := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
		checktest.Must(t, err)
		return out
	}
	reduced, rest := inflate(s.Reduced), inflate(s.Rest)
	out := make([]int16, rows*cols)
	half := ((rows + 1) / 2) * ((cols + 1) / 2)
	large := reduced[half:]
	next := func(b byte) int16 {
		v := uint16(b)
		if b == 255 {
			v, large = binary.LittleEndian.Uint16(large), large[2:]
		}
		return int16(v>>1) ^ -int16(v&1)
	}
	for i, b := range reduced[:half] {
		r, c := i/((cols+1)/2)*2, i%((cols+1)/2)*2
		var p int
		switch at := r*cols + c; {
		case r > 0 && c > 0:
			near := []int{int(out[at-2]), int(out[at-2*cols]), int(out[at-2]) + int(out[at-2*cols]) - int(out[at-2*cols-2])}
			slices.Sort(near)
			p = near[1]
		case c > 0:
			p = int(out[at-2])
		case r > 0:
			p = int(out[at-2*cols])
		}
		out[r*cols+c] = int16(p) + next(b)
	}
	var at [10]int
	at[0] = 36
	for g := range 9 {
		at[g+1] = at[g] + int(binary.LittleEndian.Uint32(rest[4*g:]))
	}
	large = rest[at[9]:]
	for i, b := range rest[at[8]:at[9]] {
		r, c := i/((cols+1)/2)*2, i%((cols+1)/2)*2
		out[r*cols+c] = out[r*cols+c]*16 + int16(b) - 8
	}
	pixel := func(r, c int, around ...[2]int) {
		var sum int
		low, high := math.MaxInt, math.MinInt
		for _, n := range around {
			y, x := r+n[0], c+n[1]
			if y < 0 || y >= rows {
				y = r - n[0]
			}
			if x < 0 || x >= cols {
				x = c - n[1]
			}
			v := int(out[y*cols+x])
			sum, low, high = sum+v, min(low, v), max(high, v)
		}
		g := 0
		for g < 7 && high-low >= 4<<g {
			g++
		}
		b := rest[at[g]]
		at[g]++
		out[r*cols+c] = int16((sum+2)>>2) + next(b)
	}
	for r := 1; r < rows; r += 2 {
		for c := 1; c < cols; c += 2 {
			pixel(r, c, [2]int{-1, -1}, [2]int{-1, 1}, [2]int{1, -1}, [2]int{1, 1})
		}
	}
	for _, odd := range []int{0, 1} {
		for r := odd; r < rows; r += 2 {
			for c := 1 - odd; c < cols; c += 2 {
				pixel(r, c, [2]int{0, -1}, [2]int{0, 1}, [2]int{-1, 0}, [2]int{1, 0})
			}
		}
	}
	return out
}

// What is packed is got back to the bit, whatever the pixels and the size.
func TestPack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{2, 2}, {2, 3}, {3, 2}, {5, 7}, {64, 64}, {63, 50}, {128, 129}} {
		for name, value := range map[string]func(r, c int) int16{
			"air":    func(int, int) int16 { return -1024 },
			"ramp":   func(r, c int) int16 { return int16(10*r - 7*c) },
			"noise":  func(int, int) int16 { return int16(30 * random.NormFloat64()) },
			"random": func(int, int) int16 { return int16(random.Uint32()) },
			"ends":   func(r, c int) int16 { return []int16{math.MinInt16, math.MaxInt16}[(r/2+c/2)%2] },
		} {
			pixels := make([]int16, size[0]*size[1])
			for i := range pixels {
				pixels[i] = value(i/size[1], i%size[1])
			}
			s, err := Pack(pixels, size[0], size[1])
			checktest.Must(t, err)
			if got := unpack(t, s, size[0], size[1]); !slices.Equal(got, pixels) {
				t.Errorf("%s of %v: not what was packed", name, size)
			}
			if whole := s.Whole(); len(whole) != 4+s.Size() || int(binary.LittleEndian.Uint32(whole)) != len(s.Reduced) {
				t.Errorf("%s of %v: %d bytes of %d", name, size, len(whole), s.Size())
			}
		}
	}
	if _, err := Pack(make([]int16, 5), 2, 3); err == nil {
		t.Error("a slice that lacks pixels is taken")
	}
}

// Noise of a scan takes less than half of its 16 bits, the first part about a
// eighth of that.
func TestPackIsSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const n = 256
	pixels := make([]int16, n*n)
	for i := range pixels {
		pixels[i] = -1000
		if r, c := i/n-n/2, i%n-n/2; r*r+c*c < n*n/5 {
			pixels[i] = int16(-700 + 25*random.NormFloat64())
		}
	}
	s, err := Pack(pixels, n, n)
	checktest.Must(t, err)
	if s.Size() > n*n || 7*len(s.Reduced) > s.Size() {
		t.Errorf("%d bytes, %d of them in the first part", s.Size(), len(s.Reduced))
	}
}

func BenchmarkPack(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 4))
	pixels := make([]int16, 512*512)
	for i := range pixels {
		pixels[i] = int16(-700 + 25*random.NormFloat64())
	}
	b.SetBytes(int64(2 * len(pixels)))
	for b.Loop() {
		if _, err := Pack(pixels, 512, 512); err != nil {
			b.Fatal(err)
		}
	}
}
