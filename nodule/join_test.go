package nodule

import "testing"

// Nodules that are there twice count once, the first; under two patients they are
// refused.
func TestJoin(t *testing.T) {
	one := &Dataset{Layout: layoutFull, readers: true, digest: "sha256:1", Samples: []Sample{written(1), written(2)}}
	two := &Dataset{Layout: layoutFull, readers: true, digest: "sha256:2", Samples: []Sample{written(2), written(3)}}
	two.Samples[0].Patient, two.Samples[0].Label = one.Samples[1].Patient, Indeterminate
	one.Samples[1].Label = Anomaly
	all, found, err := Join(one, two)
	if err != nil || len(all.Samples) != 3 || found != (Joined{Twice: 1, Relabels: 1}) || all.Samples[1].Label != Anomaly || !all.readers {
		t.Errorf("%d nodules, %+v, %v", len(all.Samples), found, err)
	}
	swapped, _, err := Join(two, one)
	if err != nil || swapped.Digest() == all.Digest() || all.Digest() == one.Digest() {
		t.Errorf("digests %s and %s, %v", all.Digest(), swapped.Digest(), err)
	}
	if alone, _, err := Join(one); err != nil || alone.Digest() != one.Digest() || len(alone.Samples) != 2 {
		t.Errorf("%v", err)
	}
	two.Samples[0].Patient = "another"
	_, _, err = Join(one, two)
	wantCode(t, err, CodeSplitInvalid)
}
