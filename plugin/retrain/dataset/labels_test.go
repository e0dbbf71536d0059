package dataset

import (
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
)

// Every verdict has a label with a row in the table.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		verdict bus.Verdict
		kind    bus.Kind
		rating  int
	}{{bus.Suspicious, "", 4}, {bus.Benign, "", 2}, {bus.Unsure, "", 3}, {bus.NotNodule, "vessel", 0}, {bus.NotNodule, bus.KindDuplicate, 3}} {
		o := opinion{verdict: c.verdict, kind: c.kind}
		if got := ratingOf(o.label()); got != c.rating {
			t.Errorf("%s %s: rating %d, want %d", c.verdict, c.kind, got, c.rating)
		}
	}
	for _, v := range bus.Verdicts() {
		known := false
		for _, l := range Labels() {
			known = known || l.Label == v.Label("")
		}
		if !known {
			t.Errorf("%s has no row", v)
		}
	}
}

// Of each reader the newest decision counts; versions count within a finding,
// times between findings.
func TestCurrent(t *testing.T) {
	at := func(reader string, verdict bus.Verdict, kind bus.Kind, finding string, version, day int) opinion {
		return opinion{reader, verdict, kind, version, time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), finding, nil}
	}
	got := current([]opinion{
		at("a", bus.Suspicious, "", "x", 1, 9), at("a", bus.Benign, "", "x", 2, 3), // a clock that went back
		at("b", bus.Unsure, "", "x", 3, 4), at("b", bus.Suspicious, "", "y", 1, 5), at("c", bus.NotNodule, bus.KindDuplicate, "y", 2, 6),
	})
	if len(got) != 2 || got[0].reader != "b" || got[0].verdict != bus.Suspicious || got[1].reader != "a" || got[1].verdict != bus.Benign || !disagree(got) {
		t.Errorf("%+v", got)
	}
	if disagree(got[:1]) || disagree(nil) || disagree([]opinion{got[0], at("d", bus.Unsure, "", "x", 1, 1)}) || current(nil) != nil {
		t.Error("one reader disagrees with nobody")
	}
}

// The card says of one class, of 30 nodules and of many what they are enough for.
func TestEnough(t *testing.T) {
	card := func(normals, anomalies int) Card {
		c := Card{Counts: Counts{Nodules: normals + anomalies, Patients: normals + anomalies, Normals: normals, Anomalies: anomalies}}
		for _, share := range []float64{0.5, 0.1, 0.15, 0.25} {
			c.Sides = append(c.Sides, Side{Normals: int(share * float64(normals)), Anomalies: int(share * float64(anomalies))})
		}
		c.judge()
		return c
	}
	for _, x := range []struct {
		normals, anomalies int
		ok                 string // train, calibrate, rungs, outline, compare
		warnings           int
	}{
		{30, 0, "y----", 2}, {0, 30, "-----", 2}, {20, 10, "y----", 1}, {60, 40, "y-y--", 0}, {600, 500, "yyyyy", 0}, {0, 0, "-----", 1},
	} {
		c := card(x.normals, x.anomalies)
		got := ""
		for _, e := range c.Enough {
			if e.Needs == "" || e.Has == "" {
				t.Errorf("%+v", e)
			}
			got += map[bool]string{true: "y", false: "-"}[e.OK]
		}
		if got != x.ok || len(c.Warnings) != x.warnings {
			t.Errorf("%d normals, %d anomalies: %s, want %s; %q", x.normals, x.anomalies, got, x.ok, c.Warnings)
		}
	}
}
