package models

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
)

// TestCriticFeatures: what the search calls the feature loss is the distance of
// these features, and a patch has the same alone and among others.
func TestCriticFeatures(t *testing.T) {
	n := GAN{Dims: 2, Latent: 8}
	gan := randomGAN(n, UniformPrior)
	patches, supports, seeds := queries(n, 35)
	all, err := CriticFeatures(gan, patches, supports, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := searcherOf(t, gan, SearchSettings{Steps: 2}, compute.Options{}).Search(context.Background(), patches[:3], supports[:3], seeds[:3])
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		alone, err := CriticFeatures(gan, patches[i:i+1], supports[i:i+1], compute.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0], all[i]) {
			t.Errorf("patch %d has other features alone", i)
		}
		made, err := CriticFeatures(gan, [][]float32{f.Image}, supports[i:i+1], compute.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var distance float64
		for j, v := range made[0] {
			distance += math.Abs(float64(v - all[i][j]))
		}
		if math.Abs(distance-f.Feature) > 1e-4*f.Feature {
			t.Errorf("patch %d: features are %g apart, the search says %g", i, distance, f.Feature)
		}
	}
	unseen := slices.Clone(patches[0])
	for j, c := range supports[0] {
		unseen[j] += 5 * (1 - c)
	}
	if got, err := CriticFeatures(gan, [][]float32{unseen}, supports[:1], compute.Options{}); err != nil || !slices.Equal(got[0], all[0]) {
		t.Errorf("features come from voxels that do not count (%v)", err)
	}
	for want, p := range map[string][][]float32{"1 patches and 0 supports": {patches[0]}, "patch 0 has 3 voxels": {{1, 2, 3}}} {
		s := supports[:1]
		if strings.Contains(want, "0 supports") {
			s = nil
		}
		if _, err := CriticFeatures(gan, p, s, compute.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
