package plugin

import (
	"context"
	"math"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
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
func (k *packer) pictures(r *bus.Result) (list []pictured) {
	for i, n := range r.Nodules {
		for _, s := range n.Scores {
			for m, model := range r.Models {
				if model.Digest != s.Digest {
					continue
				}
				for _, d := range k.plugin.cfg.Detectors {
					if d.Digest() == s.Digest {
						list = append(list, pictured{i, s, d, i*len(r.Models) + m + 1})
					}
				}
			}
		}
	}
	return list
}

func (k *packer) packPictures(p outbox.Parcel, r store.Record, kind outbox.Kind) (outbox.Parcel, error) {
	list := k.pictures(r.Result)
	if len(list) == 0 {
		return p, outbox.ErrNothing
	}
	for _, one := range list {
		object := objectOf(r, sr.Header{}, one.number)
		if kind == outbox.HeatMap {
			m := sr.HeatMap{Object: object}
			p.Instances = append(p.Instances, instance(r, m.SeriesInstanceUID(), m.SOPInstanceUID()))
		} else {
			c := sr.Capture{Object: object}
			p.Instances = append(p.Instances, instance(r, c.SeriesInstanceUID(), c.SOPInstanceUID()))
		}
	}
	p.Make = func(ctx context.Context) ([][]byte, error) { return k.draw(ctx, r, list, kind) }
	return p, nil
}

// draw cuts and scores the nodules once more: sampling is seeded, so that the
// pictures are those of the scores in the result.
func (k *packer) draw(ctx context.Context, r store.Record, list []pictured, kind outbox.Kind) (files [][]byte, err error) {
	header, err := k.source.Header(ctx, r)
	if err != nil {
		return nil, err
	}
	req := k.source.request(r)
	req.Detectors = k.plugin.cfg.Detectors
	for _, n := range r.Result.Nodules {
		req.Job.Nodules = append(req.Job.Nodules, n.JobNodule)
	}
	p, err := prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	last, scan, patch := -1, []float32(nil), nodule.Patch{}
	for _, one := range list {
		n := r.Result.Nodules[one.nodule]
		if one.nodule != last {
			cube, err := p.cutter.Cut(ctx, nodule.Candidate{ID: n.ID, PositionLPS: dicomio.Vec(n.PositionLPS), DiameterMM: n.DiameterMM})
			if err != nil {
				return nil, err
			}
			last, scan, patch = one.nodule, figure.Scan(cube), nodule.Central(cube)
		}
		scores, err := one.by.Score(ctx, []nodule.Patch{patch})
		if err != nil || len(scores) != 1 {
			return nil, coded.New(CodeDetectorFailed, "draw picture", one.by.Name()+" gave no score for a nodule; its weights may be damaged", err)
		}
		object := objectOf(r, header, one.number)
		var made [][]byte
		if kind == outbox.HeatMap {
			made, err = encodeAll(heatMap(object, p.series, n, one.score.Model, patch, scores[0].Reconstruction))
		} else {
			panel := figure.Panel{Title: n.ID, Lines: pictureLines(n, one.score), Scan: scan, Patch: patch, Reconstruction: scores[0].Reconstruction}
			img, drawn := panel.Draw()
			if drawn != nil {
				return nil, drawn
			}
			made, err = encodeAll(sr.Capture{Object: object, Image: img})
		}
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	return files, nil
}

// heatMap is what the detector cannot reconstruct of a nodule: the absolute
// difference of patch and reconstruction, 0..1 of the window of patches, and 0
// where nothing is scored.
func heatMap(object sr.Object, series *dicomio.Series, n bus.ResultNodule, model string, patch nodule.Patch, reconstruction []float32) sr.HeatMap {
	object.SeriesText = "Nodule heat maps, not for diagnosis"
	values := make([]float32, nodule.PatchVoxels)
	for i := range values {
		if i < len(reconstruction) && patch.Support[i] > 0 {
			values[i] = float32(math.Abs(float64(patch.Voxels[i] - reconstruction[i])))
		}
	}
	return sr.HeatMap{
		Object: object, Quantity: "Absolute residual, " + model,
		Patches: []sr.HeatPatch{{ID: n.ID, CentreLPS: dicomio.Vec(n.PositionLPS), Edge: nodule.PatchSize, Values: values}},
		Sources: sourceImage(series, dicomio.Vec(n.PositionLPS)),
	}
}
