package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
)

// made is what a set of models gives for the nodule of the jobs that keep coming.
type made struct {
	version string
	models  []string // digests as the audit trail has them
	answer  string   // scores and headline
}

// madeBy reads what made a result, and what it says of its only nodule.
func madeBy(version string, r bus.Result) (m made) {
	m.version = version
	for _, one := range r.Models {
		m.models = append(m.models, one.Digest)
	}
	if r.Rungs != nil {
		m.models = append(m.models, r.Rungs.Digest)
	}
	var said strings.Builder
	for _, n := range r.Nodules {
		for _, s := range n.Scores {
			fmt.Fprintf(&said, "%s %v %v", s.Digest, s.Raw, s.Percentile)
			if s.Probability != nil {
				fmt.Fprintf(&said, " %v", *s.Probability)
			}
			said.WriteString("\n")
		}
		if n.Headline != nil {
			text, err := json.Marshal(n.Headline)
			fmt.Fprint(&said, string(text), err)
		}
		if n.Error != nil {
			said.WriteString(n.Error.Code)
		}
	}
	m.answer = said.String()
	return m
}

// atSwitch is how many jobs may have begun before models change and end after: one in
// work, and one whose result is being published.
const atSwitch = 2

// checkStamps says what is wrong with jobs that kept coming while models changed: a job
// without a result or with two, a result whose scores are not those of the models that
// it names, and one that was made with other models than those in use. records are those of
// the audit trail, and used the versions that they promote, the first one before all.
func checkStamps(jobs []string, results []bus.Result, records []audit.Record, used []made) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	sent, answers, by := map[string]bool{}, map[string]int{}, map[string]made{}
	for _, job := range jobs {
		sent[job] = true
	}
	if len(sent) != len(jobs) {
		say("%d jobs have %d names", len(jobs), len(sent))
	}
	for _, r := range results {
		if !sent[r.JobID] {
			continue // of the series that were reviewed
		}
		answers[r.JobID]++
		m := madeBy("", r)
		known := slices.IndexFunc(used, func(u made) bool { return slices.Equal(u.models, m.models) })
		if known < 0 {
			say("%s: made by %v, which no version has", r.JobID, m.models)
			continue
		}
		if by[r.Identity] = used[known]; m.answer != used[known].answer {
			say("%s: names %s, which says\n%s\nand not\n%s", r.JobID, used[known].version, used[known].answer, m.answer)
		}
	}
	for _, job := range jobs {
		if n := answers[job]; n != 1 {
			say("%s has %d results", job, n)
		}
	}
	phase, since := 0, atSwitch // which of used is in use; results of it, or jobs that began before it
	stale, noted := 0, map[string]bool{}
	for _, r := range records {
		switch r.Kind {
		case audit.KindPromoted, audit.KindRolledBack:
			if phase+1 == len(used) {
				say("the audit trail has a promotion too many")
				return wrong
			}
			if since == 0 {
				say("no job was answered by %s", used[phase].version)
			}
			phase, since, stale = phase+1, 0, 0
		case audit.KindScore:
			m, ours := by[r.Identity]
			if !ours {
				continue
			}
			if noted[r.Identity] && !r.Again {
				say("%s is twice in the audit trail", r.Identity)
			}
			noted[r.Identity] = true
			if !slices.Equal(r.Models, m.models) {
				say("%s: the audit trail says that %v made it, the result %v", r.Identity, r.Models, m.models)
			}
			switch {
			case m.version == used[phase].version:
				since++
			case phase > 0 && since == 0 && m.version == used[phase-1].version && stale < atSwitch:
				stale++
			default:
				say("%s was made by %s while %s was in use", r.Identity, m.version, used[phase].version)
			}
		}
	}
	if phase+1 != len(used) {
		say("%d changes of models are in the audit trail, want %d", phase, len(used)-1)
	}
	for id := range by {
		if !noted[id] {
			say("%s is not in the audit trail", id)
		}
	}
	return wrong
}

// TestCheckStamps: what the long test looks for would be found.
func TestCheckStamps(t *testing.T) {
	result := func(job, model string, raw float64) bus.Result {
		return bus.Result{
			Identity: "of " + job, JobID: job, Models: []bus.Model{{Digest: model}},
			Nodules: []bus.ResultNodule{{Scores: []bus.NoduleScore{{Digest: model, Raw: raw}}}},
		}
	}
	used := []made{madeBy("shipped", result("", "a", 1)), madeBy("site", result("", "b", 2)), madeBy("shipped", result("", "a", 1))}
	jobs := []string{"1", "2", "3", "4", "5"}
	good := func() []bus.Result {
		return []bus.Result{result("1", "a", 1), result("2", "a", 1), result("3", "b", 2), result("4", "b", 2), result("5", "a", 1), result("reviewed", "a", 7)}
	}
	trail := func(order string) (records []audit.Record) {
		for _, one := range strings.Fields(order) {
			switch r := (audit.Record{Kind: audit.KindScore, Identity: "of " + one, Models: []string{"a"}}); one {
			case "promoted", "rolled_back":
				records = append(records, audit.Record{Kind: one})
			case "3", "4":
				r.Models = []string{"b"}
				fallthrough
			default:
				records = append(records, r)
			}
		}
		return records
	}
	const order = "reviewed 1 promoted 2 3 4 rolled_back 5" // 2 had begun before
	for name, c := range map[string]struct {
		change func([]bus.Result) []bus.Result
		order  string
		want   string
	}{
		"right":                   {},
		"lost":                    {change: func(r []bus.Result) []bus.Result { return r[1:] }, want: "1 has 0 results"},
		"answered twice":          {change: func(r []bus.Result) []bus.Result { return append(r, r[2]) }, want: "3 has 2 results"},
		"scores of others":        {change: func(r []bus.Result) []bus.Result { r[3] = result("4", "b", 1); return r }, want: "names site"},
		"models of nobody":        {change: func(r []bus.Result) []bus.Result { r[3] = result("4", "c", 1); return r }, want: "which no version has"},
		"the trail says others":   {change: func(r []bus.Result) []bus.Result { r[3] = result("4", "a", 1); return r }, want: "the audit trail says"},
		"too late":                {order: "1 promoted 3 2 4 rolled_back 5", want: "of 2 was made by shipped while site was in use"},
		"too early":               {order: "1 3 promoted 2 4 rolled_back 5", want: "of 3 was made by site while shipped was in use"},
		"a rollback that was not": {order: "1 2 promoted 3 4 5", want: "of 5 was made by shipped"},
		"nothing in between":      {order: "1 2 promoted rolled_back 3 4 5", want: "no job was answered by site"},
		"not in the trail":        {order: "1 promoted 3 4 rolled_back 5", want: "of 2 is not in the audit trail"},
	} {
		t.Run(name, func(t *testing.T) {
			results := good()
			if c.change != nil {
				results = c.change(results)
			}
			if c.order == "" {
				c.order = order
			}
			got := checkStamps(jobs, results, trail(c.order), used)
			if c.want == "" && len(got) > 0 || !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
