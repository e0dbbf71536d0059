package j2k

import "image"

// plane is a part of an image that is stored row by row.
type plane[T any] struct {
	of     []T
	stride int
}

func newPlane[T any](w, h int) plane[T] { return plane[T]{make([]T, w*h), w} }

// row is n samples of row y.
func (p plane[T]) row(y, n int) []T { return p.of[y*p.stride:][:n:n] }

// from is what lies behind and below a corner.
func (p plane[T]) from(corner image.Point) plane[T] {
	if len(p.of) == 0 {
		return p
	}
	return plane[T]{p.of[corner.Y*p.stride+corner.X:], p.stride}
}

// area is what of a resolution a part of its tile depends on.
type area struct {
	need  image.Rectangle   // samples that the next resolution is made of
	all   image.Rectangle   // with those that they are computed from
	bands []image.Rectangle // of its subbands, from each one's corner on
}

// Samples on either side that one depends on: as many as there are steps of
// lifting (T.800 tables F.2 and F.3), for a low sample one less. What is wrong at the
// border of what is computed does not reach further in.
const reach53, reach97 = 2, 4

// around is what the samples of r depend on. It begins and ends with a high sample.
func around(r image.Rectangle, reach int) image.Rectangle {
	low := func(p image.Point) image.Point { return image.Pt(p.X&^1, p.Y&^1) }
	return image.Rectangle{low(r.Min).Sub(image.Pt(reach-1, reach-1)), low(r.Max).Add(image.Pt(reach, reach))}
}

// areas tells what of every resolution a part of the tile depends on.
func (t *tile) areas(part image.Rectangle) []area {
	list := make([]area, len(t.levels))
	reach := reach97
	if t.params.cod.reversible {
		reach = reach53
	}
	need := part
	for r := len(list) - 1; r >= 0; r-- {
		l, a := &t.levels[r], &list[r]
		a.need, a.all = need, need
		if r > 0 {
			a.all = clip(around(need, reach), l.x0, l.y0, l.x1, l.y1)
		}
		for i := range l.bands {
			b := &l.bands[i]
			of := a.all
			if r > 0 {
				of = samples(a.all, b.kind)
			}
			a.bands = append(a.bands, of.Sub(image.Pt(b.x0, b.y0)))
		}
		need = samples(a.all, 0)
	}
	return list
}

// samples are those of a subband that lie in an area of its resolution, where
// they are interleaved: low ones at even places, high ones at odd.
func samples(r image.Rectangle, kind int) image.Rectangle {
	x, y := 1-kind&1, 1-kind>>1
	return image.Rectangle{image.Pt((r.Min.X+x)>>1, (r.Min.Y+y)>>1), image.Pt((r.Max.X+x)>>1, (r.Max.Y+y)>>1)}
}

// clip is r within the borders. It may be empty, at a place that is.
func clip(r image.Rectangle, x0, y0, x1, y1 int) image.Rectangle {
	in := func(v, low, high int) int { return min(max(v, low), high) }
	return image.Rectangle{
		image.Pt(in(r.Min.X, x0, x1), in(r.Min.Y, y0, y1)),
		image.Pt(in(r.Max.X, x0, x1), in(r.Max.Y, y0, y1)),
	}
}
