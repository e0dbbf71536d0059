package j2k

import (
	"os"
	"testing"
)

func BenchmarkOne(b *testing.B) {
	code, err := os.ReadFile(os.Getenv("J2K"))
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		if _, err := decode(code, accept); err != nil {
			b.Fatal(err)
		}
	}
}
