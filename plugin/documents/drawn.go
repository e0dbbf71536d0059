package documents

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// drawn are the outlines that readers drew in place of the network's, by the ids
// of nodules.
type drawn map[string]*bus.Correction

// drawnIn are those of the decisions on a result.
func drawnIn(r bus.Result, decisions map[int]store.Decision) drawn {
	by := drawn{}
	for number, d := range decisions {
		if d.Outline != nil && number >= 1 && number <= len(r.Nodules) {
			by[r.Nodules[number-1].ID] = d.Outline
		}
	}
	return by
}

// algorithm is what measured an outline that a reader drew.
func (d drawn) algorithm(result bus.Result, c *bus.Correction) sr.Algorithm {
	return sr.Algorithm{Name: "measurements of the reader's outline", Version: result.Software, Parameters: []string{"outline " + c.Method}}
}

// outlines are those that are drawn, on their grids, in the order of the nodules.
func (d drawn) outlines(result bus.Result) (list []derived.Outline, err error) {
	for _, n := range result.Nodules {
		c := d[n.ID]
		if c == nil {
			continue
		}
		mask, err := c.Mask()
		if err != nil {
			return nil, err
		}
		const edge, half = nodule.CubeSize, (nodule.CubeSize - 1) / 2.0
		o := derived.Outline{
			ID: n.ID, SpacingMM: [3]float64{c.SpacingMM, c.SpacingMM, c.SpacingMM}, Size: [3]int{edge, edge, edge}, Mask: mask,
			Drawn: derived.Drawn(strings.ToUpper(c.Method)),
		}
		for axis := range 3 {
			o.OriginLPS[axis] = c.CentreLPS[axis] - half*c.SpacingMM
		}
		list = append(list, o)
	}
	return list, nil
}

// drawnObject names the segmentation that goes with a version of a review. The
// network's own is the first of its series.
func drawnObject(r store.Record, review *sr.Review) derived.Segmentation {
	return derived.Segmentation{Object: derived.Object{Identity: r.Result.Identity, Number: 1 + review.Version, Creator: review.Observer, Time: review.Time.Truncate(time.Second)}}
}

// segments are what a review refers to: the outlines that readers drew, and those
// of the network for the other nodules. What no image shows is in neither.
func (k *Packer) segments(ctx context.Context, r store.Record, by drawn, review *sr.Review) (*derived.Segmentation, error) {
	header, err := k.Headers.Read(ctx, series.PlaceOf(r.Job()))
	if err != nil {
		return nil, err
	}
	var scan *dicomio.Series
	var findings []*outline.Finding
	if k.outlines(r) {
		_, open, err := k.reopen(ctx, r)
		if err != nil {
			return nil, err
		}
		scan = open.Series()
		if findings, err = outlinesAgain(ctx, open, r); err != nil {
			return nil, err
		}
	} else if scan, err = k.Scoring(r.Result).Series.Open(ctx, series.PlaceOf(r.Job())); err != nil {
		return nil, err
	}
	list, err := by.outlines(*r.Result)
	if err != nil {
		return nil, err
	}
	for _, o := range networks(*r.Result, findings) {
		if by[o.ID] == nil {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b derived.Outline) int { return cmp.Compare(placeIn(r, a.ID), placeIn(r, b.ID)) })
	object := drawnObject(r, review).Object
	object.Header, object.Device = header, deviceOf(*r.Result)
	return segmentation(object, *r.Result, scan, list)
}

// placeIn is where a nodule stands in a result.
func placeIn(r store.Record, id string) int {
	return slices.IndexFunc(r.Result.Nodules, func(n bus.ResultNodule) bool { return n.ID == id })
}

// addDistances adds to the nodules of a report what readers measured.
func addDistances(report *sr.Report, scan *dicomio.Series, decisions map[int]store.Decision) {
	for i := range report.Nodules {
		for _, d := range decisions[i+1].Distances {
			way := sr.Distance{LengthMM: d.LengthMM, FromLPS: d.FromLPS, ToLPS: d.ToLPS}
			from, in := scan.OnImage(d.FromLPS)
			to, too := scan.OnImage(d.ToLPS)
			if in && too && flat(scan, d) {
				way.From, way.To = from, to
			}
			report.Nodules[i].Distances = append(report.Nodules[i].Distances, way)
		}
	}
}

// flat says whether both ends of a distance lie on one slice: a line on an image is
// as long as it looks.
func flat(scan *dicomio.Series, d bus.Distance) bool {
	off := dicomio.Vec(d.FromLPS).Sub(dicomio.Vec(d.ToLPS)).Dot(scan.Geometry.Normal)
	return off*off < 0.01 // mm²
}

// withSegments is the parcel of a verified report whose outlines readers drew: the
// segmentation goes before the report that refers to it.
func withSegments(p outbox.Parcel, r store.Record, review *sr.Review) outbox.Parcel {
	named := drawnObject(r, review)
	p.Instances = append([]outbox.Instance{instance(r, named.SeriesInstanceUID(), named.SOPInstanceUID())}, p.Instances...)
	return p
}
