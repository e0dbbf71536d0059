package dataset

import (
	"maps"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// One nodule in two series of a frame of reference is one row with the decisions
// on both, and readers who differ are label noise; in another frame it is another
// row of the same patient.
func TestSameNodule(t *testing.T) {
	s := newSite(t)
	one := s.add(ann, "1", [3]float64{})
	two := s.add(ann, "1", [3]float64{1, 1, 1})
	s.add(ann, "2", [3]float64{})
	s.decide(one, 0, "q", bus.Suspicious, "", 1)
	s.decide(two, 0, "r", bus.Benign, "", 2)
	set := s.build()
	c := set.Card
	if c.Counts.Nodules != 2 || c.Counts.Patients != 1 || c.excluded(CodeDuplicate).Nodules != 1 || c.excluded(CodeDuplicate).Decided != 1 {
		t.Fatalf("%+v, %+v", c.Counts, c.Exclusions)
	}
	if c.Noise.Several != 1 || c.Noise.Disagree != 1 || len(c.Noise.Nodules) != 1 || len(c.Warnings) == 0 {
		t.Errorf("%+v", c.Noise)
	}
	for _, x := range set.Samples {
		if x.Nodule == c.Noise.Nodules[0] && (x.Malignancy != 2 || x.Readers != 2 || x.Ratings["rating_1"] != 2 || x.Ratings["rating_2"] != 4) {
			t.Errorf("the newest does not count: %d of %d readers, %v", x.Malignancy, x.Readers, x.Ratings)
		}
	}
}

// Two candidates of one nodule are one; what lies apart is not.
func TestSamePlace(t *testing.T) {
	s := newSite(t)
	s.add(ann, "1", [3]float64{}, [3]float64{0, 2, 0})
	if c := s.build().Card; c.Counts.Nodules != 1 || c.excluded(CodeDuplicate).Nodules != 1 {
		t.Errorf("%+v", c.Counts)
	}
	at := func(y, mm float64) *candidate {
		r := s.in.Results[0]
		n := r.Nodules[0]
		n.Outline, n.DiameterMM, n.PositionLPS = nil, mm, [3]float64{0, y, 0}
		return &candidate{row: row{nodule: &n}}
	}
	for _, x := range []struct {
		y, mm float64
		same  bool
	}{{2.9, 4, true}, {3.1, 4, false}, {9, 20, true}, {11, 20, false}, {3.1, 0, false}} {
		if got := at(0, 30).same(at(x.y, x.mm)); got != x.same {
			t.Errorf("%.1f mm apart, %.0f mm large: %t", x.y, x.mm, got)
		}
	}
}

func TestTwoPatientsOfOneID(t *testing.T) {
	s := newSite(t)
	other, renamed := ann, bob
	other.birth, other.name = "19900101", "ZZMARKOTHER"
	renamed.name = "ZZMARKMARRIED"
	for i, p := range []patient{ann, other, bob, renamed} {
		s.add(p, string(rune('1'+i)), [3]float64{})
	}
	c := s.build().Card
	if x := c.excluded(CodePatientConflict); x.Nodules != 2 || c.Counts.Patients != 1 || c.Counts.Nodules != 2 || c.Renamed != 1 || len(c.Warnings) < 2 {
		t.Errorf("%+v, %+v, %q", c.Exclusions, c.Counts, c.Warnings)
	}
}

func TestPatientsMeet(t *testing.T) {
	known := patient{"1", "Doe^Jane", "19500101", "F"}
	for _, c := range []struct {
		name              string
		p                 patient
		conflict, renamed bool
	}{
		{"the same", known, false, false},
		{"written in another way", patient{"1", "DOE^JANE^", "19500101", ""}, false, false},
		{"another sex", patient{"1", "Doe^Jane", "19500101", "M"}, true, false},
		{"another birth date", patient{"1", "Doe^Jane", "19500102", "F"}, true, false},
		{"another name", patient{"1", "Roe^Jane", "19500101", "F"}, false, true},
		{"another name and no birth date", patient{"1", "Roe^Jane", "", "F"}, true, true},
	} {
		w := &person{}
		w.meet(headerOf(known))
		w.meet(headerOf(c.p))
		if w.conflict != c.conflict || w.renamed != c.renamed {
			t.Errorf("%s: conflict %t, renamed %t", c.name, w.conflict, w.renamed)
		}
	}
}

// A result that replaces another one takes the decisions on it, where it has the
// nodule.
func TestSuperseded(t *testing.T) {
	s := newSite(t)
	s.add(ann, "1", [3]float64{}, [3]float64{0, 2, 0})
	s.in.Results = append(s.in.Results, s.in.Results[0])
	old, now := &s.in.Results[0], &s.in.Results[1]
	now.Identity, now.Supersedes, now.Nodules = "sha256:new", old.Identity, now.Nodules[:1]
	s.decide(old, 0, "r", bus.Suspicious, "", 1)
	s.decide(old, 1, "r", bus.Suspicious, "", 1)
	c := s.build().Card
	if c.Counts.Anomalies != 1 || c.Counts.Nodules != 1 || c.excluded(CodeSuperseded).Decided != 1 || c.Inputs.Results.Count != 1 {
		t.Errorf("%+v, %+v", c.Counts, c.Exclusions)
	}
	now.Supersedes = now.Identity // nonsense ends, too
	old.Supersedes = now.Identity
	s.plan()
}

// Of results that were superseded more than once only the newest is used, whatever
// order they are looked at in.
func TestSupersededTwice(t *testing.T) {
	p := &Plan{out: newExclusions()}
	for range 100 {
		results := map[string]*bus.Result{}
		for _, r := range []bus.Result{
			{Identity: "a1"}, {Identity: "a2", Supersedes: "a1"}, {Identity: "a3", Supersedes: "a2"}, {Identity: "a4", Supersedes: "a3"},
			{Identity: "b1", Supersedes: "b2"}, {Identity: "b2", Supersedes: "b1"}, {Identity: "c", Supersedes: "gone"},
		} {
			results[r.Identity] = &r
		}
		p.decisions(results)
		if got := slices.Sorted(maps.Keys(results)); !slices.Equal(got, []string{"a4", "b1", "b2", "c"}) {
			t.Fatalf("left are %v", got)
		}
	}
}

// A detector may number anew: a decision stays with the place that it was made on.
func TestSupersededElsewhere(t *testing.T) {
	s := newSite(t)
	s.add(ann, "1", [3]float64{}, [3]float64{0, 2, 0})
	s.in.Results = append(s.in.Results, s.in.Results[0])
	old, now := &s.in.Results[0], &s.in.Results[1]
	now.Identity, now.Supersedes, now.Nodules = "sha256:new", old.Identity, slices.Clone(old.Nodules)
	s.decide(old, 0, "r", bus.Suspicious, "", 1)
	for gap, carried := range map[float64]int{2.9: 1, 30: 0} {
		now.Nodules[0].PositionLPS[2] = old.Nodules[0].PositionLPS[2] + gap
		p := s.plan()
		decided := 0
		for _, r := range p.rows {
			decided += len(r.opinions)
		}
		if left := p.out.at(CodeSuperseded).Decided; decided != carried || left != 1-carried {
			t.Errorf("%.1f mm away: %d decisions carried, %d left out", gap, decided, left)
		}
	}
	s.in.Results = s.in.Results[1:]
	if p := s.plan(); p.out.at(CodeResultMissing).Decided != 1 {
		t.Error("a decision on a result that is gone was carried")
	}
}

func TestNothingIsLeft(t *testing.T) {
	s := newSite(t)
	_, err := NewPlan(plugintest.Context(t), Input{}, s.opt)
	plugintest.WantCode(t, err, CodeNothing)
}
