package dataset

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Input is what a data set is made of.
type Input struct {
	Results []bus.Result  // in any order
	Reviews []bus.Review  // all versions, in any order
	Folders []string      // in which series are looked for
	Reader  series.Reader // whose PACS are asked for what the folders lack
}

// Options of a plan.
type Options struct {
	Key      Key
	Outliner *outline.Outliner // nil: nodules are outlined by threshold
	Software string            // for the card
	Training []Training        // of the shipped models: what the card compares with
	Progress func(stage string, done, total int)
}

// Plan is what will be a data set: no pixel was read.
type Plan struct {
	in   Input
	opt  Options
	rows []*row
	out  *exclusions

	inputs Inputs
	people people
}

// row is a nodule of a patient, at the place of one of its candidates.
type row struct {
	scan     *scan
	result   *bus.Result
	nodule   *bus.ResultNodule
	opinions []opinion // one of each reader, the newest first
	name     string    // pseudonym
}

func (r *row) decided() bool { return len(r.opinions) > 0 }

// label is that of the newest decision.
func (r *row) label() bus.Label {
	if r.decided() {
		return r.opinions[0].label()
	}
	return bus.Unlabelled
}

// isNodule tells whether a reader has said that it is a nodule.
func (r *row) isNodule() bool { return r.label() == bus.LabelAnomaly || r.label() == bus.LabelNormal }

// NewPlan opens the headers of the series and decides what becomes a row. A
// storage or PACS that does not answer is an error; a series that is not there is
// an exclusion. Other errors: CodeNothing, ctx.
func NewPlan(ctx context.Context, in Input, opt Options) (*Plan, error) {
	if opt.Progress == nil {
		opt.Progress = func(string, int, int) {}
	}
	p := &Plan{in: in, opt: opt, out: newExclusions(), people: people{key: opt.Key, byID: map[string]*person{}}}
	results := map[string]*bus.Result{}
	for i := range in.Results {
		results[in.Results[i].Identity] = &in.Results[i]
	}
	decisions := p.decisions(results)
	wanted := map[string]string{}
	for _, r := range results {
		wanted[r.SeriesUID] = cmp.Or(wanted[r.SeriesUID], r.StudyUID)
	}
	open := &opener{key: opt.Key, folders: in.Folders, reader: in.Reader, people: p.people, progress: opt.Progress}
	scans, err := open.open(ctx, wanted)
	if err != nil {
		return nil, err
	}
	p.collect(results, decisions, scans)
	p.inputs = p.summary(results, scans)
	if len(p.rows) == 0 {
		return nil, coded.New(CodeNothing, "plan data set", "no nodule can be used: "+p.out.text(), nil)
	}
	return p, nil
}

// findingOf names a nodule of a result.
func findingOf(identity, noduleID string) string { return identity + "\n" + noduleID }

// decisions are the opinions on findings of results that are there and not
// replaced: those on an older result are taken to the nodule of the same id and place
// in the newest. Results that are replaced are dropped.
func (p *Plan) decisions(results map[string]*bus.Result) map[string][]opinion {
	replaced := replacements(results)
	opinions := map[string][]opinion{}
	for i := range p.in.Reviews {
		r := p.in.Reviews[i].Migrated()
		id := replaced.newest(r.Identity)
		at := results[id]
		switch {
		case at == nil, results[r.Identity] == nil:
			p.out.decision(CodeResultMissing)
			continue
		case !sameNodule(results[r.Identity], at, r.NoduleID):
			p.out.decision(CodeSuperseded)
			continue
		}
		f := findingOf(id, r.NoduleID)
		opinions[f] = append(opinions[f], opinion{
			reader: p.opt.Key.name("reader", r.Reviewer), verdict: r.Verdict, kind: r.Kind, version: r.Version, time: r.Time, finding: findingOf(r.Identity, r.NoduleID), drawn: r.Outline,
		})
	}
	maps.DeleteFunc(results, func(id string, _ *bus.Result) bool { return replaced.newest(id) != id })
	return opinions
}

// collect makes rows of the nodules of the results.
func (p *Plan) collect(results map[string]*bus.Result, decisions map[string][]opinion, scans map[string]*scan) {
	byFrame := map[string][]*candidate{}
	for _, id := range slices.Sorted(maps.Keys(results)) {
		r := results[id]
		s := scans[r.SeriesUID]
		for i := range r.Nodules {
			c := &candidate{row: row{scan: s, result: r, nodule: &r.Nodules[i]}, all: decisions[findingOf(id, r.Nodules[i].ID)]}
			if s.code != "" {
				p.out.nodule(s.code, len(c.all) > 0)
				continue
			}
			key := s.who.pseudonym + "\n" + s.frame()
			byFrame[key] = append(byFrame[key], c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byFrame)) {
		for _, c := range p.join(byFrame[key]) {
			c.opinions = current(c.all)
			if ratingOf(c.label()) == 0 {
				p.out.nodule(CodeNotNodule, true)
				continue
			}
			c.name = p.opt.Key.name("nodule", c.scan.series.SeriesUID, c.nodule.ID)
			p.rows = append(p.rows, &c.row)
		}
	}
	slices.SortFunc(p.rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.scan.who.pseudonym, b.scan.who.pseudonym), cmp.Compare(a.name, b.name))
	})
}
