package documents

import (
	"context"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// pictured is a score of a nodule that a picture can be made of: its detector
// is loaded.
type pictured struct {
	nodule int // index in the result
	score  bus.NoduleScore
	by     detector.Detector
	number int // which picture of the result, from 1; stable whatever is loaded
}

// pictures lists them. What another detector has scored is left out: without
// that one there is no reconstruction.
func (k *Packer) pictures(r *bus.Result) (list []pictured) {
	loaded := k.Scoring(r).Detectors
	for i, n := range r.Nodules {
		for _, s := range n.Scores {
			for m, model := range r.Models {
				if model.Digest != s.Digest {
					continue
				}
				for _, d := range loaded {
					if d.Digest() == s.Digest {
						list = append(list, pictured{i, s, d, i*len(r.Models) + m + 1})
					}
				}
			}
		}
	}
	return list
}

func (k *Packer) packPictures(p outbox.Parcel, r store.Record, kind outbox.Kind) (outbox.Parcel, error) {
	list := k.pictures(r.Result)
	if len(list) == 0 {
		return p, outbox.ErrNothing
	}
	for _, one := range list {
		object := objectOf(r, sr.Header{}, one.number)
		if kind == outbox.HeatMap {
			m := derived.HeatMap{Object: object}
			p.Instances = append(p.Instances, instance(r, m.SeriesInstanceUID(), m.SOPInstanceUID()))
		} else {
			c := derived.Capture{Object: object}
			p.Instances = append(p.Instances, instance(r, c.SeriesInstanceUID(), c.SOPInstanceUID()))
		}
	}
	p.Make = func(ctx context.Context) ([][]byte, error) { return k.draw(ctx, r, list, kind) }
	return p, nil
}

// reopen opens the series of a result once more, to be scored as it was, and
// reads what its objects have in common.
func (k *Packer) reopen(ctx context.Context, r store.Record) (sr.Header, *scoring.Prepared, error) {
	header, err := k.Headers.Read(ctx, series.PlaceOf(r.Job()))
	if err != nil {
		return header, nil, err
	}
	open, err := scoring.Prepare(ctx, k.again(r))
	return header, open, err
}

// draw cuts and scores the nodules once more: sampling is seeded, so that the
// pictures are those of the scores in the result.
func (k *Packer) draw(ctx context.Context, r store.Record, list []pictured, kind outbox.Kind) (files [][]byte, err error) {
	header, open, err := k.reopen(ctx, r)
	if err != nil {
		return nil, err
	}
	last, cube, patch, inside := -1, (*nodule.Cube)(nil), nodule.Patch{}, []bool(nil)
	for _, one := range list {
		n := r.Result.Nodules[one.nodule]
		if one.nodule != last {
			if cube, patch, err = open.Nodule(ctx, n.JobNodule); err != nil {
				return nil, err
			}
			if inside, err = k.inside(ctx, open, r, one.nodule, kind); err != nil {
				return nil, err
			}
			last = one.nodule
		}
		score, err := scoring.Again(ctx, "draw picture", one.by, patch)
		if err != nil {
			return nil, err
		}
		object := objectOf(r, header, one.number)
		var made [][]byte
		if kind == outbox.HeatMap {
			made, err = encodeAll(heatMap(object, open.Series(), n, one.score.Model, patch, score.Reconstruction))
		} else {
			made, err = capture(object, figure.Panel{
				Title: n.ID, Lines: pictureLines(n, one.score), Scan: figure.Scan(cube), Nodule: inside, Patch: patch, Reconstruction: score.Reconstruction,
			})
		}
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	return files, nil
}

// inside are the voxels of a nodule on its capture; nil where it has no outline,
// or its network is not loaded.
func (k *Packer) inside(ctx context.Context, open *scoring.Prepared, r store.Record, nodule int, kind outbox.Kind) ([]bool, error) {
	n := &r.Result.Nodules[nodule]
	if o := k.Scoring(r.Result).Outliner; kind != outbox.Capture || !found(n) || o == nil || o.Digest() != n.Outline.Digest {
		return nil, nil
	}
	made, err := open.Outlines(ctx, n.JobNodule)
	if err != nil {
		return nil, err
	}
	return made[0].OnPatch(), nil
}

// capture draws a panel as a secondary capture.
func capture(object derived.Object, panel figure.Panel) ([][]byte, error) {
	img, err := panel.Draw()
	if err != nil {
		return nil, err
	}
	return encodeAll(derived.Capture{Object: object, Image: img})
}

// heatMap is what the detector cannot reconstruct of a nodule: the absolute
// difference of patch and reconstruction, 0..1 of the window of patches, and 0
// where nothing is scored.
func heatMap(object derived.Object, series *dicomio.Series, n bus.ResultNodule, model string, patch nodule.Patch, reconstruction []float32) derived.HeatMap {
	object.SeriesText = "Nodule heat maps, " + use.Label
	values := make([]float32, nodule.PatchVoxels)
	for i := range values {
		if i < len(reconstruction) && patch.Support[i] > 0 {
			values[i] = float32(math.Abs(float64(patch.Voxels[i] - reconstruction[i])))
		}
	}
	return derived.HeatMap{
		Object: object, Quantity: "Absolute residual, " + model,
		Patches: []derived.HeatPatch{{ID: n.ID, CentreLPS: dicomio.Vec(n.PositionLPS), Edge: nodule.PatchSize, Values: values}},
		Sources: sourceImage(series, dicomio.Vec(n.PositionLPS)),
	}
}

// objectOf is what pictures of a result have in common; number is which of
// their kind.
func objectOf(r store.Record, header sr.Header, number int) derived.Object {
	return derived.Object{Identity: r.Result.Identity, Time: documentTime(r), Header: header, Number: number, Device: deviceOf(*r.Result)}
}

// sourceImage is the slice on which a nodule is shown, as a list; empty where
// it is on none.
func sourceImage(series *dicomio.Series, at dicomio.Vec) []dicomio.ImagePoint {
	if image, ok := series.OnImage(at); ok {
		return []dicomio.ImagePoint{image}
	}
	return nil
}

// pictureLines stand above the picture of a score.
func pictureLines(n bus.ResultNodule, s bus.NoduleScore) []string {
	flag := "not flagged"
	if s.Anomalous {
		flag = "flagged: above the threshold of its model"
	}
	probability := "not calibrated"
	if s.Probability != nil {
		probability = fmt.Sprintf("probability of deviation %.3g", *s.Probability)
	}
	p := n.PositionLPS
	lines := []string{
		fmt.Sprintf("LPS %.1f %.1f %.1f mm, %s", p[0], p[1], p[2], s.Model),
		fmt.Sprintf("score %.5g, %s, percentile %.1f, %s", s.Raw, probability, s.Percentile, flag),
	}
	if n.Outline != nil {
		lines = append(lines, "outline: "+n.Outline.String())
	}
	return append(lines, use.Purpose, use.Meaning)
}
