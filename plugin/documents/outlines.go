package documents

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// Codes of what is measured (PS3.16 context groups 7470, 7469 and 7461, UCUM).
var (
	codeVolume      = sr.Code{Value: "118565006", Scheme: "SCT", Meaning: "Volume"}
	codeLongAxis    = sr.Code{Value: "103339001", Scheme: "SCT", Meaning: "Long Axis"}
	codeShortAxis   = sr.Code{Value: "103340004", Scheme: "SCT", Meaning: "Short Axis"}
	codeAttenuation = sr.Code{Value: "112031", Scheme: "DCM", Meaning: "Attenuation Coefficient"}
	codeMean        = sr.Code{Value: "373098007", Scheme: "SCT", Meaning: "Mean"}
	codeDeviation   = sr.Code{Value: "386136009", Scheme: "SCT", Meaning: "Standard Deviation"}
	unitMM          = sr.Code{Value: "mm", Scheme: "UCUM", Meaning: "millimeter"}
	unitMM3         = sr.Code{Value: "mm3", Scheme: "UCUM", Meaning: "cubic millimeter"}
	unitHU          = sr.Code{Value: "[hnsf'U]", Scheme: "UCUM", Meaning: "Hounsfield unit"}
)

// Outlined says whether a nodule of a result has an outline.
func Outlined(r bus.Result) bool {
	for i := range r.Nodules {
		if found(&r.Nodules[i]) {
			return true
		}
	}
	return false
}

func found(n *bus.ResultNodule) bool { return n.Outline != nil && n.Outline.Found }

// Segmentation puts the outlines of a result on the pixels of the series that
// was scored; findings are those of its nodules, nil or without a voxel where a
// nodule has none. See [Report] for the other arguments. It is nil where no
// nodule has an outline.
func Segmentation(result bus.Result, scanned *dicomio.Series, header sr.Header, at time.Time, findings []*outline.Finding) (*derived.Segmentation, error) {
	if result.Outliner == nil {
		return nil, nil //nolint:nilnil // none is no error
	}
	object := derived.Object{Identity: result.Identity, Time: at, Header: header, Device: deviceOf(result)}
	return segmentation(object, result, scanned, networks(result, findings))
}

// networks are the outlines of a result that the network made.
func networks(result bus.Result, findings []*outline.Finding) (list []derived.Outline) {
	for i := range result.Nodules {
		if i >= len(findings) || findings[i] == nil || !findings[i].Found() {
			continue
		}
		n, f := &result.Nodules[i], findings[i]
		const edge, half = nodule.CubeSize, (nodule.CubeSize - 1) / 2.0
		o := derived.Outline{ID: n.ID, SpacingMM: [3]float64{f.SpacingMM, f.SpacingMM, f.SpacingMM}, Size: [3]int{edge, edge, edge}, Mask: f.Outline.Mask}
		for axis := range 3 { // of LPS: that of shifts is z, y, x
			o.OriginLPS[axis] = n.PositionLPS[axis] + f.ShiftMM[2-axis] - half*f.SpacingMM
		}
		list = append(list, o)
	}
	return list
}

// segmentation puts outlines on the pixels of a series; nil where there are none.
func segmentation(object derived.Object, result bus.Result, scanned *dicomio.Series, list []derived.Outline) (*derived.Segmentation, error) {
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // none is no error
	}
	return derived.NewSegmentation(object, scanned, outlinerOf(result), list)
}

// outlinerOf is the algorithm that outlined and measured; empty where there was
// none.
func outlinerOf(r bus.Result) sr.Algorithm {
	if r.Outliner == nil {
		return sr.Algorithm{}
	}
	return sr.Algorithm{Name: r.Outliner.Name, Version: r.Software + ", weights " + r.Outliner.Digest, Parameters: []string{"preprocessing " + r.Outliner.Preprocessing}}
}

// addOutline adds to a nodule of a report what was measured of its outline, or of
// the one that a reader drew: with its segment where there is one, and else as a
// note.
func addOutline(out *sr.Nodule, result bus.Result, n *bus.ResultNodule, outlines *derived.Segmentation, by drawn) {
	if n.OutlineError != nil {
		out.Notes = append(out.Notes, "outline: "+n.OutlineError.Code+": "+n.OutlineError.Message)
	}
	o, algorithm, whose := n.Outline, outlinerOf(result), "its outline"
	if c := by[n.ID]; c != nil {
		o, algorithm, whose = &bus.Outline{Found: true, Measurements: c.Measurements}, by.algorithm(result, c), "the reader's outline"
	} else if o != nil && o.ComputedBy != nil {
		algorithm.Parameters = append(algorithm.Parameters, "computed by "+o.ComputedBy.String())
	}
	if o == nil || !o.Found || o.Measurements == nil {
		return
	}
	if outlines != nil && out.Image.SOPInstanceUID != "" && algorithm.Name != "" {
		if segment, ok := outlines.Segment(n.ID); ok {
			out.Outline = &sr.Outline{Segment: segment, Algorithm: algorithm, Measurements: measured(o.Measurements)}
			out.Notes = append(out.Notes, "Nodule type by "+whose+": "+strings.ReplaceAll(string(o.Measurements.Type), "_", "-"))
			out.Notes = append(out.Notes, o.Codes...)
			return
		}
	}
	out.Notes = append(out.Notes, "Measured of "+whose+": "+o.String())
}

// measured are the numbers of a group of template 1411.
func measured(m *measure.Measurements) []sr.Measurement {
	list := []sr.Measurement{
		{Name: codeVolume, Value: m.VolumeMM3, Unit: unitMM3, PlusMinus: m.VolumeUncertaintyMM3},
		{Name: codeLongAxis, Value: m.LongAxisMM, Unit: unitMM, PlusMinus: m.AxisUncertaintyMM},
		{Name: codeShortAxis, Value: m.ShortAxisMM, Unit: unitMM, PlusMinus: m.AxisUncertaintyMM},
	}
	if m.MeanHU != nil {
		mean := sr.Measurement{Name: codeAttenuation, Value: *m.MeanHU, Unit: unitHU, Derivation: codeMean}
		if m.MeanUncertaintyHU != nil {
			mean.PlusMinus = *m.MeanUncertaintyHU
		}
		list = append(list, mean)
	}
	if m.SDHU != nil {
		list = append(list, sr.Measurement{Name: codeAttenuation, Value: *m.SDHU, Unit: unitHU, Derivation: codeDeviation})
	}
	return list
}

// packOutlines sends the segmentation of a result.
func (k *Packer) packOutlines(p outbox.Parcel, r store.Record) (outbox.Parcel, error) {
	if !k.outlines(r) {
		return p, outbox.ErrNothing
	}
	named := derived.Segmentation{Object: derived.Object{Identity: r.Result.Identity}}
	p.Instances = []outbox.Instance{instance(r, named.SeriesInstanceUID(), named.SOPInstanceUID())}
	p.Make = func(ctx context.Context) ([][]byte, error) {
		s, err := k.segmentation(ctx, r)
		if err != nil || s == nil || s.Empty() {
			return nil, err
		}
		return encodeAll(s)
	}
	return p, nil
}

// outlines says whether the outlines of a result go to the PACS: they are
// wanted, there are some, and the network that made them is loaded.
func (k *Packer) outlines(r store.Record) bool {
	o := k.Scoring(r.Result).Outliner
	return k.Outlines && o != nil && r.Result.Outliner != nil && r.Result.Outliner.Digest == o.Digest() && Outlined(*r.Result)
}

// segmentation outlines the nodules of a result once more; nil where its outlines
// do not go to the PACS. The last one is kept: the documents of a result are made
// one after the other.
func (k *Packer) segmentation(ctx context.Context, r store.Record) (*derived.Segmentation, error) {
	if !k.outlines(r) {
		return nil, nil //nolint:nilnil // none is no error
	}
	if k.last.record == r.ID {
		return k.last.outlines, nil
	}
	header, open, err := k.reopen(ctx, r)
	if err != nil {
		return nil, err
	}
	findings, err := outlinesAgain(ctx, open, r)
	if err != nil {
		return nil, err
	}
	s, err := Segmentation(*r.Result, open.Series(), header, documentTime(r), findings)
	if err == nil {
		k.last.record, k.last.outlines = r.ID, s
	}
	return s, err
}

// outlinesAgain are the network's outlines of a result, by its nodules.
func outlinesAgain(ctx context.Context, open *scoring.Prepared, r store.Record) ([]*outline.Finding, error) {
	findings := make([]*outline.Finding, len(r.Result.Nodules))
	var nodules []bus.JobNodule
	var places []int
	for i := range r.Result.Nodules {
		if found(&r.Result.Nodules[i]) {
			nodules, places = append(nodules, r.Result.Nodules[i].JobNodule), append(places, i)
		}
	}
	made, err := open.Outlines(ctx, nodules...)
	if err != nil || made == nil {
		return findings, err
	}
	for k, i := range places {
		if made[k].Err != nil {
			return nil, fmt.Errorf("make segmentation: %w", made[k].Err)
		}
		findings[i] = &made[k]
	}
	return findings, nil
}

// again asks for the nodules of a result as they were scored.
func (k *Packer) again(r store.Record) scoring.Request {
	req := k.Scoring(r.Result)
	req.Source, req.Job = r.Source, r.Job()
	for _, n := range r.Result.Nodules {
		req.Job.Nodules = append(req.Job.Nodules, n.JobNodule)
	}
	return req
}
