package bus

import (
	"fmt"
	"testing"
)

// BenchmarkSubmitJob is one acknowledged, synced job of three nodules.
func BenchmarkSubmitJob(b *testing.B) {
	bus, job := newBus(b), sampleJob(3)
	for i := 0; b.Loop(); i++ {
		if _, err := bus.SubmitJob(b.Context(), "site", "/d", fmt.Sprint(i), job); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeJob is the largest number of nodules.
func BenchmarkDecodeJob(b *testing.B) {
	data, err := EncodeJob("/d", "1", sampleJob(MaxJobNodules))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, _, err := DecodeJob(data); err != nil {
			b.Fatal(err)
		}
	}
}
