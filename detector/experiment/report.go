package experiment

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector/figure"
)

// report makes results, tables, figures and the page of what lies in the run
// folder.
func (o Options) report(ctx context.Context) (*Results, error) {
	r, err := o.collect(ctx)
	if err != nil {
		return nil, err
	}
	dir := folder(o.Dir)
	if err := o.gather(r.Sets); err != nil {
		return nil, err
	}
	tried, err := addVariants(o.variants(), r.variants())
	if err != nil {
		return nil, err
	}
	page, drawings, err := o.page(r, tried)
	if err != nil {
		return nil, err
	}
	for i, d := range drawings {
		b := d.SVG
		if b == nil {
			b = d.PNG
		}
		if err := dir.write(b, figuresDir, fmt.Sprintf("%02d-%s", i+1, d.name)); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	if err := page.WriteHTML(&b); err != nil {
		return nil, err
	}
	if err := dir.write(b.Bytes(), reportFile); err != nil {
		return nil, err
	}
	r.Report = dir.path(reportFile)
	return r, dir.writeJSON(r, resultsFile)
}

// page lays the report out.
func (o Options) page(r *Results, tried []variant) (*figure.Report, []drawing, error) {
	s := o.Settings
	p := &figure.Report{
		Title:    fmt.Sprintf("%s on %s", strings.ToUpper(s.Detector), dataName(s.Experiment)),
		Subtitle: fmt.Sprintf("%d networks on one split, %d folds of a cross-validation", s.Seeds, s.Folds),
		Command:  o.Command, Settings: s.JSON(),
		Facts: []figure.Fact{{Name: "settings", Value: r.SettingsDigest}, {Name: "data", Value: r.Data}, {Name: "program", Value: o.Software}},
	}
	if s.Folds == 0 {
		p.Subtitle = fmt.Sprintf("%d networks on one split", s.Seeds)
	}
	a := &album{}
	p.Sections = append(p.Sections, figure.Section{Title: "In short", Text: r.summary(s), Tables: []figure.Table{r.brief(s)}})
	for i := range r.Sets {
		sections, err := o.section(r, &r.Sets[i], a)
		if err != nil {
			return nil, nil, err
		}
		p.Sections = append(p.Sections, sections...)
	}
	pictures, err := o.pictures(r, a)
	if err != nil {
		return nil, nil, err
	}
	p.Sections = append(p.Sections, pictures...)
	p.Sections = append(p.Sections, triedSection(r, tried), figure.Section{Title: "Protocol", Text: protocol(s)})
	if len(a.omitted) > 0 {
		p.Sections = append(p.Sections, figure.Section{Title: "Figures that could not be drawn", Text: strings.Join(a.omitted, "\n\n")})
	}
	return p, a.figures, nil
}

func dataName(experiment string) string {
	if experiment == MNIST {
		return "MNIST"
	}
	return "lung nodules"
}

// section is the account of one set.
func (o Options) section(r *Results, s *Set, a *album) ([]figure.Section, error) {
	score := o.Settings.detectorName()
	prefix := strings.ReplaceAll(s.Name, " ", "-") + "-"
	from := len(a.figures)
	main := figure.Section{Title: title(s.Name), Text: s.About + "\n\n" + counts(s), Tables: s.tables(score)}
	steps := []func() error{
		func() error { return a.seeds(prefix, s, score, r.Paper) },
		func() error { return a.forest(prefix, s) },
	}
	if s.Runs.By == "seed" {
		steps = append(steps, func() error { return a.areas(prefix, s, score, o.Settings.axis()) },
			func() error { return a.sizes(prefix, s, score, o.Settings.axis()) }, func() error { return a.reliability(prefix, s) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	main.Figures = a.take(from)
	return []figure.Section{main}, nil
}

// pictures is what can only be looked at.
func (o Options) pictures(r *Results, a *album) ([]figure.Section, error) {
	from := len(a.figures)
	dir := o.unit(unit{seed: 1})
	for _, p := range []struct{ name, caption, alt string }{
		{picCases, "What the first network made of cases of each class.", "Inputs, reconstructions and differences, case by case."},
		{picMontage, "One patch slice by slice, as in figure 3 of the paper.", "Five by five slices."},
		{picSamples, "What the first network makes of latents of the prior.", "A grid of generated images."},
		{picData, "Normals that it learned from.", "A grid of training images."},
		{picInterpolation, "From one latent to another in equal steps.", "A strip of images that change step by step."},
	} {
		if err := a.picture(dir, p.name, p.caption, p.alt); err != nil {
			return nil, err
		}
	}
	seen := figure.Section{Title: "What the network sees", Figures: a.take(from)}
	if d := r.Diversity; d != nil {
		seen.Text = fmt.Sprintf("Mode collapse, measured: samples lie %.4f apart on average (root mean squared difference over all pairs), training normals %.4f; the ratio is %.2f, and near 0 where a generator makes one image only.",
			d.Samples, d.Data, d.Ratio)
	}
	from = len(a.figures)
	if err := a.curves(o); err != nil {
		return nil, err
	}
	return []figure.Section{seen, {Title: "Training and search", Figures: a.take(from)}}, nil
}

// axis says what the score is.
func (s Settings) axis() string {
	switch {
	case s.Experiment == MNIST && s.VAE != nil:
		return "score: squared error, summed (equation 16)"
	case s.Experiment == MNIST:
		return "score: loss of the search (equation 15)"
	case s.VAE != nil:
		return "score: squared error per voxel (equation 16)"
	}
	return "score: loss of the search per voxel (equation 15)"
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
