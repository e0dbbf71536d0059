package retrain

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// header is that of a training. One that goes on from weights sees patches as they
// did.
func (r *runner) header(old models.Header) models.Header {
	version := nodule.PreprocessingVersion
	if r.Start == StartContinued {
		version = old.Preprocessing
	}
	return models.Header{Preprocessing: version, DataDigest: r.Data.Digest, Attribution: r.o.Attribution}
}

// attributed is the header of a training that goes on from weights, whose data
// have an attribution of their own.
func attributed(h models.Header, from string) models.Header {
	switch {
	case h.Attribution == "":
		h.Attribution = from
	case from != "" && from != h.Attribution:
		h.Attribution = from + "; " + h.Attribution
	}
	return h
}

// vae makes the candidate of VAE-AD.
func (r *runner) vae(ctx context.Context, old *detector.VAEAD, made *Made, name string, tell func(done, total int)) (detector.Detector, error) {
	if !r.o.learns(old) {
		return r.recalibrated(ctx, old, tell)
	}
	made.Did = r.Start
	var all []*models.Trained
	best := 0
	for i, rate := range r.o.Settings.Rates {
		t, err := r.trainVAE(ctx, old, i, rate)
		if err != nil {
			return nil, err
		}
		loss, known := t.Header.Metrics[validBound]
		if all = append(all, t); known {
			made.Choices = append(made.Choices, Choice{About: fmt.Sprintf("learning rate %g: epoch %d", rate, t.Header.Epoch), Loss: loss})
			if loss < all[best].Header.Metrics[validBound] {
				best = i
			}
		}
	}
	if len(made.Choices) > 0 {
		made.Choices[best].Chosen = true
	}
	if r.Start == StartContinued && all[best].Header.Epoch == 0 {
		made.Did = rungs.DidStay
	}
	if d, err := r.finished(name, made); d != nil || err != nil {
		return d, err
	}
	r.tracker.begin(partCalibrate(old))
	d, err := detector.Calibrate(ctx, all[best], r.o.Data.Split, tell)
	if err != nil {
		return nil, err
	}
	return d, r.finish(d, name, made)
}

// validation names the curve of the loss on the validation side.
const validation = "validation"

// validBound is what a checkpoint calls the loss on the validation side.
const validBound = "valid_negative_bound"

// trainVAE trains with one learning rate, or reads what was trained.
func (r *runner) trainVAE(ctx context.Context, old *detector.VAEAD, i int, rate float64) (*models.Trained, error) {
	name := fmt.Sprintf("vae-%d", i+1)
	c := curve{Title: fmt.Sprintf("%s, learning rate %g", old.Name(), rate), X: "epoch", Names: []string{"training", validation}}
	if _, err := r.state.recall(name+"-curve.json", &c); err != nil {
		return nil, err
	}
	done := name + ".safetensors"
	r.tracker.begin(partTrain(old, i))
	if r.state.has(done) {
		h, ps, err := models.Load(r.state.path(done))
		r.curves = append(r.curves, c)
		return &models.Trained{Params: ps, Header: h}, err
	}
	s, h := r.o.Settings, r.header(old.Header())
	run := models.Run{
		VAE: old.Header().VAE(), Train: detector.PatchesAs(h.Preprocessing, r.o.Data.Split.TrainNormals(), true), Valid: detector.PatchesAs(h.Preprocessing, detector.Normals(r.o.Data.Split.Validation), false),
		Header: h, Dir: r.state.path(name), Compute: r.o.Compute,
		Settings: models.Settings{Epochs: s.Epochs, Batch: s.Batch, Rate: rate, Seed: r.o.Seed},
	}
	if r.Start == StartContinued {
		run.Start, run.Header = old.Params(), attributed(run.Header, old.Header().Attribution)
	}
	var sum float64
	var failed error
	run.Progress = func(p models.Progress) {
		if p.Step == 1 {
			sum = 0
			c.at(p.Epoch, 1, p.Valid)
		}
		if sum += p.Loss / float64(p.Steps); p.Step == p.Steps && failed == nil {
			c.at(p.Epoch+1, 0, sum)
			failed = r.state.keep(name+"-curve.json", c)
		}
		r.tracker.step(p.Epoch*p.Steps+p.Step, p.Epochs*p.Steps, fmt.Sprintf("loss %.2f", p.Loss))
	}
	t, err := models.TrainVAE(ctx, run)
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	r.curves = append(r.curves, c)
	if err := writeError("keep state", models.Save(r.state.path(done), t.Header, t.Params)); err != nil {
		return nil, err
	}
	return t, os.RemoveAll(run.Dir)
}

// at sets one value of an epoch or step, from 1; what is no number is left out.
func (c *curve) at(at, k int, v float64) {
	if at < 1 || math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	for len(c.Points) < at {
		c.Points = append(c.Points, point{At: len(c.Points) + 1, Values: make([]float64, len(c.Names))})
	}
	c.Points[at-1].Values[k] = v
}

// gan makes the candidate of GAN-AD. Continued, it is taken where it leaves less of
// the normals of the validation side unexplained than the incumbent does.
func (r *runner) gan(ctx context.Context, old *detector.GANAD, made *Made, name string, tell func(done, total int)) (detector.Detector, error) {
	if !r.o.learns(old) {
		return r.recalibrated(ctx, old, tell)
	}
	made.Did = r.Start
	t, err := r.trainGAN(ctx, old)
	if err != nil {
		return nil, err
	}
	if d, err := r.finished(name, made); d != nil || err != nil {
		return d, err
	}
	if valid := detector.Normals(r.o.Data.Split.Validation); r.Start == StartContinued && len(valid) > 0 {
		fresh, err := detector.NewGANAD(t, old.Search(), detector.Calibration{Reference: []float64{0}})
		if err != nil {
			return nil, err
		}
		r.tracker.begin(partChoose(old))
		for i, d := range []*detector.GANAD{old, fresh} {
			loss, err := meanRaw(ctx, d, valid, func(done int) { tell(i*len(valid)+done, 2*len(valid)) })
			if err != nil {
				return nil, err
			}
			made.Choices = append(made.Choices, Choice{About: []string{"as it was", fmt.Sprintf("%d steps further", r.o.Settings.GANSteps)}[i], Loss: loss})
		}
		took := 0
		if made.Choices[1].Loss < made.Choices[0].Loss {
			took = 1
		}
		if made.Choices[took].Chosen = true; took == 0 {
			t, made.Did = old.Trained(), rungs.DidStay
		}
	}
	r.tracker.begin(partCalibrate(old))
	d, err := detector.CalibrateGAN(ctx, t, old.Search(), r.o.Data.Split, tell)
	if err != nil {
		return nil, err
	}
	return d, r.finish(d, name, made)
}

func meanRaw(ctx context.Context, d detector.Detector, samples []nodule.Sample, tell func(done int)) (float64, error) {
	scores, err := detector.ScoreSamples(ctx, d, samples, tell)
	sum := 0.0
	for _, s := range scores {
		sum += s.Raw / float64(len(scores))
	}
	return sum, err
}

func (r *runner) trainGAN(ctx context.Context, old *detector.GANAD) (*models.TrainedGAN, error) {
	const name, done, curveFile = "gan", "gan.safetensors", "gan-curve.json"
	c := curve{Title: old.Name(), X: "step of the generator", Names: []string{"critic", "generator", "Wasserstein estimate"}}
	r.tracker.begin(partTrain(old, 0))
	if r.state.has(done) {
		if _, err := r.state.recall(curveFile, &c); err != nil {
			return nil, err
		}
		r.curves = append(r.curves, c)
		return models.LoadGAN(r.state.path(done))
	}
	was := old.Header()
	h := r.header(was)
	run := models.GANRun{
		GAN: was.GAN(), Train: detector.PatchesAs(h.Preprocessing, r.o.Data.Split.TrainNormals(), true), Header: h, Dir: r.state.path(name), Compute: r.o.Compute,
		Settings: models.GANSettings{Loss: was.Loss, Prior: was.Prior, Steps: r.o.Settings.GANSteps, Seed: r.o.Seed},
		Progress: func(p models.GANProgress) {
			r.tracker.step(p.Step, ganParts(old)*p.Steps, fmt.Sprintf("critic %.3g, generator %.3g", p.CriticLoss, p.Generator))
		},
	}
	if r.Start == StartContinued {
		run.Start, run.Header = old.Trained(), attributed(run.Header, was.Attribution)
	}
	t, err := models.TrainGAN(ctx, run)
	if err != nil {
		return nil, err
	}
	if was.Encoder {
		if t, err = r.trainEncoder(ctx, old, t); err != nil {
			return nil, err
		}
	}
	for _, p := range t.History {
		for k, v := range []float64{p.CriticLoss, p.Generator, p.Wasserstein} {
			c.at(p.Step, k, v)
		}
	}
	r.curves = append(r.curves, c)
	if err := r.state.keep(curveFile, c); err != nil {
		return nil, err
	}
	if err := writeError("keep state", t.Save(r.state.path(done))); err != nil {
		return nil, err
	}
	return t, os.RemoveAll(run.Dir)
}

// encoderSteps is how many steps of an encoder go with one of the generator.
const encoderSteps = 10

// ganParts is of how many trainings, about as long as each other, that of a GAN is
// made.
func ganParts(d *detector.GANAD) int {
	if d.Header().Encoder {
		return 2
	}
	return 1
}

// trainEncoder trains the encoder for a generator that is new: from that of the
// incumbent, where the generator goes on from its own.
func (r *runner) trainEncoder(ctx context.Context, old *detector.GANAD, t *models.TrainedGAN) (*models.TrainedGAN, error) {
	if r.Start == StartContinued {
		t.Encoder = old.Trained().Encoder
	}
	steps, parent := r.o.Settings.GANSteps, t.Header.Parent
	t, err := detector.GANEncoder(ctx, t, old.Search(), r.o.Data.Split, models.Header{}, detector.EncoderOptions{
		Settings: models.EncoderSettings{Steps: encoderSteps * steps, Seed: r.o.Seed}, Compute: r.o.Compute,
		Progress: func(p models.EncoderProgress) {
			r.tracker.step(steps+p.Step/encoderSteps, 2*steps, fmt.Sprintf("encoder %.3g", p.Loss))
		},
	})
	if err != nil {
		return nil, err
	}
	t.Header.Parent = parent // what the generator went on from
	return t, nil
}
