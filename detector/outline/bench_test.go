package outline

import (
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
)

// BenchmarkOne compares one outline in one cube with VAE-AD's score of the same
// nodule, and with the traits that tell it from other tissue.
func BenchmarkOne(b *testing.B) {
	cube, _ := lung(ball(5))
	b.Run("outline", func(b *testing.B) {
		o := trained(b)
		for b.Loop() {
			if _, err := o.Outline(cube); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("traits", func(b *testing.B) {
		f := painted(ball(5), 1)
		for b.Loop() {
			f.traits()
		}
	})
	b.Run("vae-ad", func(b *testing.B) {
		d, err := detector.Pretrained()
		if err != nil {
			b.Fatal(err)
		}
		patches := []nodule.Patch{nodule.Central(cube)}
		for b.Loop() {
			if _, err := d.Score(b.Context(), patches); err != nil {
				b.Fatal(err)
			}
		}
	})
}
