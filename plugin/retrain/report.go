package retrain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
)

// Report is report.json: what report.html shows, for programs. Nothing in it
// depends on how long anything took.
type Report struct {
	Schema   string           `json:"schema"`
	Kind     string           `json:"kind"`
	Mode     Mode             `json:"mode"`
	Start    string           `json:"start"`
	Parent   string           `json:"parent"`
	Data     DataFacts        `json:"data"`
	Settings Settings         `json:"settings"`
	Parts    []Made           `json:"parts"`
	Enough   []dataset.Enough `json:"enough_for"`
	Warnings []string         `json:"warnings"`
	Curves   []curve          `json:"curves"`
}

const reportSchema = "nodulescope-retrain-report/1"

// report makes report.json and report.html.
func (r *runner) report(c *Candidate) ([]content, error) {
	data := Report{Schema: reportSchema, Kind: c.Kind, Mode: c.Mode, Start: c.Start, Parent: c.Parent, Data: c.Data, Settings: c.Settings,
		Parts: c.Parts, Enough: r.Enough, Warnings: r.Warnings, Curves: r.curves}
	b, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return nil, err
	}
	page, err := data.page(c)
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.WriteHTML(&html); err != nil {
		return nil, err
	}
	return []content{{"report.html", RoleReport, html.Bytes()}, {"report.json", RoleReportData, append(b, '\n')}}, nil
}

func (d *Report) page(c *Candidate) (*figure.Report, error) {
	p := &figure.Report{Title: "Retrained models", Subtitle: fmt.Sprintf("%d nodules of the site; not promoted by this report", d.nodules())}
	if d.Kind == KindRecalibrate {
		p.Title = "Recalibrated models"
	}
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return nil, err
	}
	p.Settings = settings
	p.Facts = []figure.Fact{{Name: "comes from", Value: strings.TrimSpace(c.ParentVersion + " " + d.Parent)}, {Name: "data", Value: d.Data.Digest}, {Name: "program", Value: c.Software}}
	for _, w := range d.Warnings {
		p.Warning += w + " "
	}
	p.Sections = append(p.Sections,
		figure.Section{Title: "In short", Text: d.summary(), Tables: []figure.Table{d.partsTable(), d.rungsTable()}},
		figure.Section{Title: "Data", Text: "Patients have sides that never change. The test side was not looked at: it is there to compare this candidate with the models in use.",
			Tables: []figure.Table{d.sidesTable(), d.enoughTable()}})
	if len(d.Curves) > 0 {
		s := figure.Section{Title: "Training", Text: "The weights that are kept are those with the lowest loss on the validation side."}
		if t := d.choiceTable(); len(t.Rows) > 0 {
			s.Tables = append(s.Tables, t)
		}
		for _, c := range d.Curves {
			f, err := c.figure()
			if err != nil {
				return nil, err
			}
			s.Figures = append(s.Figures, f)
		}
		p.Sections = append(p.Sections, s)
	}
	return p, nil
}

func (d *Report) nodules() (n int) {
	for _, s := range d.Data.Sides {
		n += s.Normals + s.Anomalies + s.Unlabelled
	}
	return n
}

func (d *Report) summary() string {
	if d.Kind == KindRecalibrate {
		return "Weights are those of the models in use. Probability, threshold and percentiles are of the site's nodules, where there were enough."
	}
	text := fmt.Sprintf("Learned of: %s. Start: %s. Detectors learn of nodules that look benign to the site's readers, whatever the mode.", d.Mode, d.Start)
	if keep := d.Settings.Keep; len(keep) > 0 {
		text += " Calibrated alone: " + strings.Join(keep, ", ") + "."
	}
	return text
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func (d *Report) partsTable() figure.Table {
	t := figure.Table{Caption: "What became of each model", Head: []string{"model", "was", "calibrated on normals", "anomalies", "threshold before", "now"}}
	for _, m := range d.Parts {
		if m.Rungs != nil {
			continue
		}
		t.Rows = append(t.Rows, []string{m.Name, m.Did, strconv.Itoa(m.Normals), strconv.Itoa(m.Anomalies), short(m.Threshold[0]), short(m.Threshold[1])})
	}
	return t
}

func (d *Report) rungsTable() figure.Table {
	t := figure.Table{Caption: "The headline and the other rungs", Head: []string{"rung", "was", "calibrated on normals", "anomalies", "loss fell by", "normals flagged before", "now"},
		Note: "The loss is that of nodules that are held out in turn. Normals flagged: by the whole model, of the nodules that it learned from; it tells how far the threshold moved, not how good the rung is."}
	for _, m := range d.Parts {
		for _, c := range m.Rungs {
			name := string(c.Rung)
			if c.Diameter {
				name += " + diameter"
			}
			gain := ""
			if c.GainSE > 0 {
				gain = fmt.Sprintf("%s ± %s", short(c.Gain), short(c.GainSE))
			}
			t.Rows = append(t.Rows, []string{name, c.Did, strconv.Itoa(c.Normals), strconv.Itoa(c.Anomalies), gain, short(c.WasRate), short(c.IsRate)})
		}
	}
	return t
}

func (d *Report) sidesTable() figure.Table {
	t := figure.Table{Caption: "Sides", Head: []string{"side", "for", "patients", "normals", "anomalies", "unlabelled"}}
	for _, s := range d.Data.Sides {
		t.Rows = append(t.Rows, []string{s.Name, s.For, strconv.Itoa(s.Patients), strconv.Itoa(s.Normals), strconv.Itoa(s.Anomalies), strconv.Itoa(s.Unlabelled)})
	}
	return t
}

func (d *Report) enoughTable() figure.Table {
	t := figure.Table{Caption: "What the data are enough for", Head: []string{"for", "needs", "there are", "enough"}}
	for _, e := range d.Enough {
		t.Rows = append(t.Rows, []string{e.For, e.Needs, e.Has, map[bool]string{true: "yes", false: "no"}[e.OK]})
	}
	return t
}

func (d *Report) choiceTable() figure.Table {
	t := figure.Table{Caption: "What was chosen on the validation side", Head: []string{"model", "tried", "loss on the validation side"}}
	for _, m := range d.Parts {
		for _, c := range m.Choices {
			if c.Chosen {
				t.Strong = append(t.Strong, len(t.Rows))
			}
			t.Rows = append(t.Rows, []string{m.Name, c.About, short(c.Loss)})
		}
	}
	return t
}

// figure draws a curve. The loss on the validation side after the last epoch is not
// part of it.
func (c *curve) figure() (figure.Figure, error) {
	l := figure.Lines{Title: c.Title, X: c.X, Y: "loss"}
	for k, name := range c.Names {
		s := figure.Series{Name: name}
		for i, p := range c.Points {
			if name == validation && i == len(c.Points)-1 {
				continue
			}
			s.X, s.Y = append(s.X, float64(p.At)), append(s.Y, p.Values[k])
		}
		if len(s.X) > 0 {
			l.Series = append(l.Series, s)
		}
	}
	svg, err := l.SVG()
	return figure.Figure{Caption: c.Title + ": losses over the training.", Alt: "Curves over the " + c.X + ".", SVG: svg}, err
}
