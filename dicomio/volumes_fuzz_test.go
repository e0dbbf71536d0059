package dicomio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// headersOf makes images of bytes: six for each, with places and marks of few
// values, so that many of them meet.
func headersOf(b []byte) (images []*header) {
	for ; len(b) >= 6 && len(images) < 400; b = b[6:] {
		h := &header{sopUID: fmt.Sprintf("1.2.%d", b[0]), seriesUID: "1.2", rowDir: Vec{1, 0, 0}, colDir: Vec{0, 1, 0}, spacing: [2]float64{0.7, 0.7}}
		h.sopUID += fmt.Sprintf(".%d", len(images)*int(b[0]%16)%37)
		h.position[2] = float64(int(b[1])-128)*1.25 + float64(b[2]%4)*0.02
		h.format.Rows, h.format.Cols = 16, 16
		if b[2]&0x80 != 0 {
			h.colDir, h.position[1] = Vec{0, 0, -1}, float64(b[1])
		}
		h.marks = marks{kernel: [...]string{"", "A", "B", "A"}[b[3]&3], temporal: [...]string{"", "1", "1", "2"}[b[3]>>2&3], imageType: [...]string{"ORIGINAL", "ORIGINAL", "DERIVED", ""}[b[3]>>4&3]}
		h.marks.thickness = float64(b[3]>>6) * 1.25
		for i := range h.marks.clock {
			h.marks.clock[i] = math.NaN()
		}
		for i, v := range [...]byte{clockAcquisition: b[4] & 7, clockTime: b[5], clockTrigger: b[4] >> 3 & 3, clockContent: b[4] >> 5, clockInstance: b[0]} {
			if v != 0 {
				h.marks.clock[i] = float64(v)
			}
		}
		images = append(images, h)
	}
	return images
}

// checkVolumes: every image is in one volume at most, the volume that is taken is
// in order and of one kind, and it does not depend on the order of the files.
func checkVolumes(t *testing.T, images []*header) {
	list := volumesOf(images)
	seen := map[*header]bool{}
	for _, v := range list {
		for _, h := range v.images {
			if seen[h] {
				t.Fatalf("%s is in two volumes", h.sopUID)
			}
			seen[h] = true
			if o := v.images[0]; !o.sharesGrid(h) || h.marks.kernel != "" && o.marks.kernel != "" && h.marks.kernel != o.marks.kernel {
				t.Fatalf("%+v and %+v are in one volume", o, h)
			}
		}
	}
	s, err := buildSeries(images, Options{})
	if err != nil {
		if CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
		return
	}
	taken := 0
	for _, v := range s.Volumes {
		if v.Why == "" {
			taken++
		}
	}
	if taken != 1 || len(s.Volumes) != len(list) {
		t.Fatalf("%d of %d volumes taken", taken, len(list))
	}
	for i := 1; i < len(s.Slices); i++ {
		if !(s.Slices[i].PositionMM > s.Slices[i-1].PositionMM) {
			t.Fatalf("slices %d and %d are at %v and %v", i-1, i, s.Slices[i-1].PositionMM, s.Slices[i].PositionMM)
		}
	}
	unique := map[string]bool{}
	for _, h := range images {
		if unique[h.sopUID] {
			return // which of two images of one UID is kept depends on the files
		}
		unique[h.sopUID] = true
	}
	backwards := slices.Clone(images)
	slices.Reverse(backwards)
	if again, err := buildSeries(backwards, Options{}); err != nil || again.InstanceDigest() != s.InstanceDigest() {
		t.Fatalf("files in another order give another volume (%v)", err)
	}
}

func FuzzVolumes(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		b := make([]byte, 6*60)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		for i := range 60 { // a scan, and something within it
			b[6*i], b[6*i+1], b[6*i+2], b[6*i+3] = byte(i), byte(i%40*2+i/40), 0, b[6*i+3]&byte(1<<(i%7))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if images := headersOf(b); len(images) > 0 {
			checkVolumes(t, images)
		}
	})
}

// TestManyImagesTakeLittle: 20,000 images that make as many volumes and sweeps as
// they can.
func TestManyImagesTakeLittle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, place := range map[string]func(i int, h *header){
		"one position":      func(i int, h *header) { h.marks.clock[clockAcquisition] = float64(i) },
		"times by chance":   func(i int, h *header) { h.position[2] = float64(i); h.marks.clock[clockTime] = rng.Float64() },
		"a kernel for each": func(i int, h *header) { h.position[2] = float64(i % 2); h.marks.kernel = fmt.Sprint(i) },
		"all by chance": func(i int, h *header) {
			h.position[2] = float64(rng.IntN(300))
			for c := range h.marks.clock {
				h.marks.clock[c] = float64(rng.IntN(500))
			}
		},
	} {
		images := make([]*header, 20_000)
		for i := range images {
			images[i] = headersOf(make([]byte, 6))[0]
			images[i].sopUID = fmt.Sprint(i)
			place(i, images[i])
		}
		if _, err := buildSeries(images, Options{}); err != nil && CodeOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
