package stats

import "slices"

// MatchMM is how much the diameters of a size-matched pair may differ.
const MatchMM = 1.5

// SizeMatched is the AUROC over those pairs of a normal and an anomaly whose
// diameters differ by at most MatchMM: what a score knows beyond size. The
// interval is that of a bootstrap by patient with a fixed seed. Normals and
// Anomalies count the nodules in at least one pair; both are 0, and the
// interval spans everything, where there is no pair. Nodules whose diameter is
// 0 (unknown) are in no pair.
func SizeMatched(scores []float64, anomalous []bool, diameterMM []float64, patients []string) AUROC {
	p := newPairs(scores, anomalous, diameterMM)
	ones := make([]float64, len(scores))
	for i := range ones {
		ones[i] = 1
	}
	a := AUROC{High: 1}
	won, all := p.count(ones)
	if all == 0 {
		return a
	}
	a.Value = won / all
	a.Normals, a.Anomalies = p.inPairs()
	low, high, se, ok := bootstrap(patients, uint64(all), func(w []float64) float64 {
		won, all := p.count(w)
		return won / all // NaN where no pair was drawn
	})
	if ok {
		a.Low, a.High, a.SE = low, high, se
	}
	return a
}

// pairs counts the size-matched pairs that anomalies win, for any weights, in
// n log n: nodules are visited by rising score, and a binary indexed tree over
// the normals by diameter answers how many of those near in size are below.
type pairs struct {
	scores      []float64
	anomalous   []bool
	order       []int // nodules of known diameter by rising score
	place       []int // of a normal among the normals by diameter, from 0
	first, last []int // of an anomaly: the places of the normals near it, last excluded
	normals     int
	tree, all   []float64 // weight below the current score; running sum of all weights by place
}

func newPairs(scores []float64, anomalous []bool, diameterMM []float64) *pairs {
	n := len(scores)
	p := &pairs{scores: scores, anomalous: anomalous, place: make([]int, n), first: make([]int, n), last: make([]int, n)}
	var sizes []float64 // of the normals, ascending
	for _, i := range ascending(diameterMM) {
		if diameterMM[i] > 0 && !anomalous[i] {
			p.place[i] = len(sizes)
			sizes = append(sizes, diameterMM[i])
		}
	}
	for _, i := range ascending(scores) {
		d := diameterMM[i]
		if !(d > 0) {
			continue
		}
		p.order = append(p.order, i)
		if anomalous[i] {
			// The difference decides, as it is said, not a rounded sum.
			p.first[i], _ = slices.BinarySearchFunc(sizes, d, func(s, d float64) int { return sign(d-s <= MatchMM) })
			p.last[i], _ = slices.BinarySearchFunc(sizes, d, func(s, d float64) int { return sign(s-d > MatchMM) })
		}
	}
	p.normals = len(sizes)
	p.tree, p.all = make([]float64, len(sizes)+1), make([]float64, len(sizes)+1)
	return p
}

// sign makes a condition that turns from false to true one to search for.
func sign(reached bool) int {
	if reached {
		return 1
	}
	return -1
}

// count is the weight of the pairs won, ties half, and of all pairs.
func (p *pairs) count(w []float64) (won, all float64) {
	clear(p.tree)
	clear(p.all)
	for _, i := range p.order {
		if !p.anomalous[i] {
			p.all[p.place[i]+1] = w[i]
		}
	}
	for k := range p.normals {
		p.all[k+1] += p.all[k]
	}
	for i := 0; i < len(p.order); {
		j := i
		for j < len(p.order) && p.scores[p.order[j]] == p.scores[p.order[i]] {
			j++
		}
		ties := p.order[i:j]
		won += p.below(ties, w) / 2
		for _, k := range ties {
			if !p.anomalous[k] {
				for at := p.place[k] + 1; at < len(p.tree); at += at & -at {
					p.tree[at] += w[k]
				}
			}
		}
		won += p.below(ties, w) / 2 // now with those of the same score
		for _, k := range ties {
			if p.anomalous[k] {
				all += w[k] * (p.all[p.last[k]] - p.all[p.first[k]])
			}
		}
		i = j
	}
	return won, all
}

// below is the weight of the pairs of the anomalies among some nodules with
// the normals in the tree.
func (p *pairs) below(nodules []int, w []float64) (sum float64) {
	for _, k := range nodules {
		if p.anomalous[k] && w[k] > 0 {
			sum += w[k] * (p.sum(p.last[k]) - p.sum(p.first[k]))
		}
	}
	return sum
}

func (p *pairs) sum(places int) (s float64) {
	for ; places > 0; places -= places & -places {
		s += p.tree[places]
	}
	return s
}

// inPairs counts the nodules that are in at least one pair.
func (p *pairs) inPairs() (normals, anomalies int) {
	near := make([]int, p.normals+1)
	for _, i := range p.order {
		if p.anomalous[i] && p.last[i] > p.first[i] {
			anomalies++
			near[p.first[i]]++
			near[p.last[i]]--
		}
	}
	open := 0
	for _, d := range near {
		if open += d; open > 0 {
			normals++
		}
	}
	return normals, anomalies
}
