package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// maxRatings is how many readers' ratings a row tells: as the layout has them.
const maxRatings = 4

// Set is a data set that was built.
type Set struct {
	Card    Card
	Samples []nodule.Sample
	rows    []made
}

// Build cuts and outlines the rows of a plan, and makes the card. Memory: about
// 75 KiB a nodule, and the slices of one series. Errors: CodeNothing where nothing
// is left, dicomio.CodeLimit above nodule.MaxDatasetSamples, those of a storage
// that does not answer.
func (p *Plan) Build(ctx context.Context) (*Set, error) {
	const op = "build data set"
	if n := len(p.rows); n > nodule.MaxDatasetSamples {
		return nil, coded.New(nodule.CodeDatasetInvalid, op, fmt.Sprintf(
			"%d nodules; a file has at most %d: choose a part of the results, or of a time", n, nodule.MaxDatasetSamples), nil)
	}
	byScan := map[*scan][]*row{}
	var scans []*scan
	for _, r := range p.rows {
		if byScan[r.scan] == nil {
			scans = append(scans, r.scan)
		}
		byScan[r.scan] = append(byScan[r.scan], r)
	}
	out := p.out.clone()
	set := &Set{}
	done := 0
	for _, s := range scans {
		p.opt.Progress("cutting and outlining", done, len(p.rows))
		c := &cutter{plan: p, scan: s, cubes: map[float64]*nodule.Cutter{}, refuse: func(r *row, code coded.Code) { out.nodule(code, r.decided()) }}
		rows, err := c.cut(ctx, byScan[s])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		for _, m := range rows {
			sample := m.sample()
			m.cube, m.mask = nil, nil // the sample has them, packed
			set.rows, set.Samples = append(set.rows, m), append(set.Samples, sample)
		}
		done += len(byScan[s])
	}
	p.opt.Progress("cutting and outlining", done, len(p.rows))
	if len(set.rows) == 0 {
		return nil, coded.New(CodeNothing, op, "no nodule can be used: "+out.text(), nil)
	}
	set.sort()
	set.Card = p.card(set, out)
	return set, nil
}

// sort orders rows by patient and nodule.
func (s *Set) sort() {
	order := make([]int, len(s.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.Samples[a].Patient, s.Samples[b].Patient), cmp.Compare(s.Samples[a].Nodule, s.Samples[b].Nodule))
	})
	rows, samples := make([]made, len(order)), make([]nodule.Sample, len(order))
	for to, from := range order {
		rows[to], samples[to] = s.rows[from], s.Samples[from]
	}
	s.rows, s.Samples = rows, samples
}

// sample is a row as nodule.LoadNPZ gives it.
func (m *made) sample() nodule.Sample {
	s := nodule.NewSample(m.cube, m.mask)
	s.Patient, s.Nodule, s.SeriesUID = m.scan.who.pseudonym, m.name, m.scan.name
	s.PositionLPS, s.HasPosition = m.nodule.PositionLPS, true
	s.DiameterMM, s.Malignancy = m.size.DiameterMM, ratingOf(m.label())
	s.Label = nodule.LabelOf(s.Malignancy)
	s.Ratings = map[string]int{}
	for k := range maxRatings {
		s.Ratings[fmt.Sprintf("rating_%d", k+1)] = 0
	}
	for _, o := range m.opinions {
		if rating := ratingOf(o.label()); m.isNodule() && rating > 0 && o.label() != bus.Unlabelled {
			if s.Readers++; s.Readers <= maxRatings {
				s.Ratings[fmt.Sprintf("rating_%d", s.Readers)] = rating
			}
		}
	}
	s.Unrated = s.Readers == 0
	return s
}
