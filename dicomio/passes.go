package dicomio

import (
	"math"
	"slices"
)

// overlapping is how many times as thick as their distance slices are that overlap.
const overlapping = 1.5

// many tells a second set of images from a few that were sent or taken twice.
func many(doubled, images int) bool { return doubled > 2 && 4*doubled > images-doubled }

// passes parts images of one kind where the scanner has gone over the same part
// of the patient more than once. Slices acquired one by one, or station by
// station, are one pass. asked is the first clock to ask; images come back by
// SOPInstanceUID.
func passes(images []*header, asked int) [][]*header {
	at := positions(images)
	typical := typicalGap(at)
	same := many(doubled(at, tolerance(typical)), len(at))
	for clock := asked; clock < clocks; clock++ {
		order := clock > clockTime // of images, not of their acquisition
		if order && !same && clock == clockTrigger {
			continue
		}
		sweeps, ok := sweepsOf(images, clock, typical, same)
		if !ok || order && (same && !told(sweeps) || !same && !distinct(sweeps, len(images))) {
			continue
		}
		var list [][]*header
		for _, s := range sweeps {
			list = append(list, passes(s.byUID(), clock+1)...)
		}
		return list
	}
	return [][]*header{images}
}

// told tells whether no sweep holds many positions twice.
func told(sweeps []*sweep) bool {
	for _, s := range sweeps {
		at := positions(s.images)
		if many(doubled(at, tolerance(typicalGap(at))), len(at)) {
			return false
		}
	}
	return true
}

// distinct tells whether anything beside their order says that sweeps at different
// positions are several scans: two of them lie closer together than their slices
// are thick, or one has an attribute that the other has not. Slices of a scan that
// overlap are numbered in one sweep.
func distinct(sweeps []*sweep, images int) bool {
	for i, a := range sweeps {
		for _, b := range sweeps[:i] {
			if a.large(images) && b.large(images) && (a.withinThickness(b) || a.saysOther(b)) {
				return true
			}
		}
	}
	return false
}

// withinThickness tells whether two sweeps have slices at least one and a half
// times as thick as they are apart where both are.
func (s *sweep) withinThickness(o *sweep) bool {
	low, high := max(s.low, o.low), min(s.high, o.high)
	n, thin := 0, math.Inf(1)
	for _, h := range slices.Concat(s.images, o.images) {
		if h.at >= low && h.at <= high {
			n++
			thin = min(thin, h.marks.thickness) // 0: not told
		}
	}
	return n > 3 && thin >= overlapping*(high-low)/float64(n-1)
}

// saysOther tells whether all images of one sweep have an attribute that none of
// another one has.
func (s *sweep) saysOther(o *sweep) bool {
	for _, has := range []func(marks) bool{
		func(m marks) bool { return m.imageType != "" },
		func(m marks) bool { return m.kernel != "" },
		func(m marks) bool { return m.thickness > 0 },
		func(m marks) bool { return m.voltage > 0 },
		func(m marks) bool { return !math.IsNaN(m.clock[clockAcquisition]) },
		func(m marks) bool { return !math.IsNaN(m.clock[clockTime]) },
	} {
		a, b := s.count(has), o.count(has)
		if a == 0 && b == len(o.images) || b == 0 && a == len(s.images) {
			return true
		}
	}
	return false
}

func (s *sweep) count(has func(marks) bool) (n int) {
	for _, h := range s.images {
		if has(h.marks) {
			n++
		}
	}
	return n
}

// sweep is images that follow each other along the patient.
type sweep struct {
	images    []*header
	low, high float64
}

// large tells whether a sweep has a tenth of so many images.
func (s *sweep) large(images int) bool { return 10*len(s.images) >= max(30, images) }

func (s *sweep) byUID() []*header {
	slices.SortStableFunc(s.images, byUID)
	return s.images
}

// sweepsOf follows a clock: what it shows at once is a block, and a block that
// lies beside a sweep goes on with it. ok is true where that makes several sweeps
// over the same part of the patient; a clock that runs to and fro from slice to
// slice says nothing.
func sweepsOf(images []*header, clock int, typical float64, same bool) (sweeps []*sweep, ok bool) {
	for _, h := range images {
		if math.IsNaN(h.marks.clock[clock]) {
			return nil, false
		}
	}
	blocks := blocksOf(images, clock)
	if len(blocks) == 1 || typical == 0 {
		return nil, false
	}
	loose := follow(blocks, 2*typical)
	if len(loose) == 1 {
		return nil, false
	}
	// A few acquisitions, each of many slices, are what they say they are.
	if clock == clockAcquisition && 4*len(blocks) <= len(images) {
		return settle(follow(blocks, 0)), true
	}
	if overlap(loose, len(images), typical, same) {
		return settle(follow(blocks, 0)), true
	}
	return nil, false
}

// overlap tells whether there are passes over the same part of the patient among
// sweeps: each regular, about as close as the others, and together nearly all
// images. typical is the distance of all neighbours in mm; same says that many
// images hold the same positions.
func overlap(sweeps []*sweep, images int, typical float64, same bool) bool {
	var large []*sweep
	covered, closest := 0, math.Inf(1)
	for _, s := range sweeps {
		if s.large(images) {
			large = append(large, s)
			covered += len(s.images)
			closest = min(closest, typicalGap(positions(s.images)))
		}
	}
	if 5*covered < 4*images || len(large) > 3 && !same {
		return false
	}
	large = slices.DeleteFunc(large, func(s *sweep) bool { return !s.regular(3 * closest) })
	for i, a := range large {
		for _, b := range large[:i] {
			over := min(a.high, b.high) - max(a.low, b.low)
			if over > 0 && over >= min(5*typical, min(a.high-a.low, b.high-b.low)/2) {
				return true
			}
		}
	}
	return false
}

// regular tells whether four in five slices of a sweep are as far from each other
// as is typical of it, and that no further than a limit in mm.
func (s *sweep) regular(limit float64) bool {
	at := positions(s.images)
	typical := typicalGap(at)
	n := 0
	for i := 1; i < len(at); i++ {
		if math.Abs(at[i]-at[i-1]-typical) <= 0.2*typical {
			n++
		}
	}
	return typical <= limit && 5*n >= 4*(len(at)-1)
}

// blocksOf groups images that a clock shows at once, in its order.
func blocksOf(images []*header, clock int) (blocks []*sweep) {
	sorted := slices.Clone(images)
	slices.SortStableFunc(sorted, compareStart(clock))
	for i, h := range sorted {
		if i == 0 || h.marks.clock[clock] != sorted[i-1].marks.clock[clock] {
			blocks = append(blocks, &sweep{low: h.at, high: h.at})
		}
		b := blocks[len(blocks)-1]
		b.images, b.high = append(b.images, h), h.at
	}
	return blocks
}

// stationSlices is how many slices a block has that may overlap the one beside
// it by two slices, as the stations of a long scan do.
const stationSlices = 8

// follow joins blocks to sweeps: each goes to the one that the block before it
// went to, or else to the first one that it lies beside, with at most slack (mm)
// of it inside.
func follow(blocks []*sweep, slack float64) (sweeps []*sweep) {
	var last *sweep
next:
	for _, b := range blocks {
		room := slack
		if n := len(b.images); n >= stationSlices {
			room = max(slack, 2*(b.high-b.low)/float64(n-1))
		}
		if last != nil && last.goesOn(b, room, slack) {
			last.add(b)
			continue
		}
		for _, s := range sweeps {
			if s.goesOn(b, room, slack) {
				s.add(b)
				last = s
				continue next
			}
		}
		s := &sweep{images: slices.Clone(b.images), low: b.low, high: b.high}
		sweeps, last = append(sweeps, s), s
	}
	return sweeps
}

// goesOn tells whether a block lies beside a sweep, with at most room inside it.
// Where slack is left a single slice may also be a little late.
func (s *sweep) goesOn(b *sweep, room, slack float64) bool {
	above, below := b.high > s.high && b.low-s.high >= -room, b.low < s.low && s.low-b.high >= -room
	late := slack > 0 && len(b.images) == 1 && (s.high-b.high <= slack || b.low-s.low <= slack)
	return above || below || late
}

func (s *sweep) add(b *sweep) {
	s.images = append(s.images, b.images...)
	s.low, s.high = min(s.low, b.low), max(s.high, b.high)
}

// settle gives the first slice of a sweep that turned round back to it: it lay
// beside the sweep before, but not as far from its last slice as is regular.
func settle(sweeps []*sweep) []*sweep {
	for i, b := range sweeps[1:] {
		a := sweeps[i]
		n := len(a.images)
		if n < 4 || len(b.images) < 3 {
			continue
		}
		off := func(images []*header, x, y *header) float64 {
			return math.Abs(math.Abs(x.at-y.at) - typicalGap(positions(images)))
		}
		last := a.images[n-1]
		if (last.at < b.low || last.at > b.high) && off(b.images, last, b.images[0]) < off(a.images, last, a.images[n-2])-samePosition {
			a.images, b.images = a.images[:n-1], append([]*header{last}, b.images...)
		}
	}
	return sweeps
}
