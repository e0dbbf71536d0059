package bus

import (
	"encoding/json"
	"testing"
)

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		verdict Verdict
		kind    Kind
		want    Label
	}{
		{Suspicious, "", LabelAnomaly}, {Benign, "", LabelNormal}, {NotNodule, "vessel", LabelNoNodule}, {NotNodule, KindOther, LabelNoNodule},
		{NotNodule, KindDuplicate, Unlabelled}, {Unsure, "", Unlabelled}, {"", "", Unlabelled}, {"later", "", Unlabelled},
	} {
		if got := c.verdict.Label(c.kind); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.verdict, c.kind, got, c.want)
		}
	}
}

// A message from before there were verdicts is read as what it stands for, and
// one that is written now tells both.
func TestReviewsAreMigrated(t *testing.T) {
	for _, c := range []struct {
		decision, reason string
		verdict          Verdict
		kind             Kind
	}{
		{"accept", "", Suspicious, ""}, {"unsure", "", Unsure, ""}, {"reject", "vessel", NotNodule, "vessel"}, {"reject", "duplicate", NotNodule, KindDuplicate},
		{"reject", "normal_nodule", Benign, ""}, {"reject", "benign_calcification", Benign, ""}, {"reject", "", NotNodule, KindOther}, {"reject", "new", NotNodule, KindOther},
	} {
		old, err := json.Marshal(map[string]any{"specversion": "1.0", "type": TypeReview, "source": "/r", "id": "1", "data": map[string]any{
			"identity": "a", "nodule_id": "n", "reviewer": "ann", "time": "2026-01-31T08:00:00Z", "version": 1, "decision": c.decision, "reason": c.reason,
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := reviews.decode(old)
		if err != nil || r.Verdict != c.verdict || r.Kind != c.kind || r.Decision != c.decision || r.Reason != c.reason {
			t.Errorf("%s %s: %+v, %v", c.decision, c.reason, r, err)
		}
	}
	for _, v := range Verdicts() {
		kind := Kind("")
		if v == NotNodule {
			kind = "scar"
		}
		data, err := reviews.encode("/r", "1", Review{Identity: "a", NoduleID: "n", Reviewer: "ann", Verdict: v, Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := reviews.decode(data)
		if err != nil || r.Verdict != v || r.Kind != kind {
			t.Errorf("%s: %+v, %v", v, r, err)
		}
		if was, what := MigrateDecision(r.Decision, r.Reason); was != v || what != kind {
			t.Errorf("%s is told to others as %s %s", v, r.Decision, r.Reason)
		}
	}
}
