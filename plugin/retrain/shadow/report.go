package shadow

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// Report says how far a candidate agrees with what is in use.
type Report struct {
	Run     Run         `json:"run"`
	Series  int         `json:"series"`
	Nodules int         `json:"nodules"`
	Scores  []Agreement `json:"scores"`
	Largest []Record    `json:"largest"` // changes, the largest first
	records []Record
}

// Agreement is that of one score.
type Agreement struct {
	Name    string           `json:"name"`
	Nodules int              `json:"nodules"`
	Agree   stats.Proportion `json:"agree"` // flags; the interval is the wider of Wilson's and a bootstrap by series
	Flagged stats.Change     `json:"flagged"`
	New     int              `json:"new_flags"`
	Gone    int              `json:"flags_gone"`
	Rank    float64          `json:"rank_correlation"` // Spearman's, of raw scores; 0 for fewer than 3 nodules
	Moved   stats.Quartiles  `json:"moved"`            // of the change in probability, or percentile / 100
}

// NewReport sums records up.
func NewReport(run Run, records []Record) *Report {
	r := &Report{Run: run, Nodules: len(records), Scores: []Agreement{}, Largest: []Record{}, records: records}
	series := map[string]bool{}
	names := map[string]bool{}
	var order []string
	for i := range records {
		series[records[i].Result] = true
		for _, p := range records[i].Pairs {
			if !names[p.Name] {
				names[p.Name] = true
				order = append(order, p.Name)
			}
		}
	}
	r.Series = len(series)
	slices.Sort(order)
	for _, name := range order {
		r.Scores = append(r.Scores, agreement(name, records))
	}
	r.Largest = slices.Clone(records)
	slices.SortStableFunc(r.Largest, func(a, b Record) int { return cmp.Compare(b.moved(), a.moved()) })
	r.Largest = r.Largest[:min(largest, len(r.Largest))]
	return r
}

func agreement(name string, records []Record) Agreement {
	a := Agreement{Name: name}
	var series []string
	var before, after, agree, all []bool
	var raw [2][]float64
	var moved []float64
	for i := range records {
		for k := range records[i].Pairs {
			p := &records[i].Pairs[k]
			if p.Name != name {
				continue
			}
			series = append(series, records[i].Result)
			before, after = append(before, p.Before.Flagged), append(after, p.After.Flagged)
			agree, all = append(agree, p.Before.Flagged == p.After.Flagged), append(all, true)
			raw[0], raw[1] = append(raw[0], p.Before.Raw), append(raw[1], p.After.Raw)
			moved = append(moved, p.moved())
			if p.After.Flagged && !p.Before.Flagged {
				a.New++
			}
			if p.Before.Flagged && !p.After.Flagged {
				a.Gone++
			}
		}
	}
	a.Nodules = len(all)
	a.Agree = stats.Wilson(a.Nodules-a.New-a.Gone, a.Nodules)
	if by := stats.Paired(series, func([]float64) float64 { return 0 }, stats.ShareStatistic(agree, all)); by.Known {
		a.Agree.Low, a.Agree.High = min(a.Agree.Low, by.Low), max(a.Agree.High, by.High)
	}
	a.Flagged = stats.Paired(series, stats.ShareStatistic(before, all), stats.ShareStatistic(after, all))
	if a.Nodules >= 3 {
		if rho := stats.Spearman(raw[0], raw[1]); rho == rho {
			a.Rank = rho
		}
	}
	a.Moved = stats.QuartilesOf(moved)
	return a
}

// WriteHTML writes the report as a page.
func (r *Report) WriteHTML(w io.Writer) error {
	c := r.Run.Counts
	state := "it goes on"
	if !r.Run.Runs() {
		state = "it ended: " + r.Run.Why
	}
	page := figure.Report{
		Title: "A candidate in the shadow", Subtitle: fmt.Sprintf("%s beside %s: %d nodules of %d series", r.Run.Candidate.Version, r.Run.Beside.Version, r.Nodules, r.Series),
		Command: "nodulescope models shadow --report",
		Facts: []figure.Fact{
			{Name: "candidate", Value: r.Run.Candidate.Set}, {Name: "beside", Value: r.Run.Beside.Set},
			{Name: "started", Value: r.Run.Started.Format(time.RFC3339) + " by " + r.Run.By},
		},
		Warning: "Nobody has reviewed these scores. Agreement says what would change, not which of the two is right.",
	}
	table := figure.Table{
		Caption: "How far both agree", Head: []string{"score", "nodules", "flags agree", "flagged before", "now", "change", "new flags", "flags gone", "rank correlation", "median change"},
		Note: "Intervals, 95 %, are of a bootstrap by series. The change is that of the probability, or of the percentile where a model is not calibrated.",
	}
	for _, a := range r.Scores {
		change := "-"
		if a.Flagged.Known {
			change = fmt.Sprintf("%+.3f [%+.3f, %+.3f]", a.Flagged.Difference, a.Flagged.Low, a.Flagged.High)
		}
		table.Rows = append(table.Rows, []string{
			a.Name, strconv.Itoa(a.Nodules), a.Agree.String(), fmt.Sprintf("%.3f", a.Flagged.Before), fmt.Sprintf("%.3f", a.Flagged.After),
			change, strconv.Itoa(a.New), strconv.Itoa(a.Gone), fmt.Sprintf("%.3f", a.Rank), fmt.Sprintf("%.3f", a.Moved.Median),
		})
	}
	s := figure.Section{Title: "Agreement", Text: fmt.Sprintf("%d nodules of %d series were scored by both; %s. %d nodules had no score of one of them, %d were given up because live jobs came, and %d series were not looked at because too many waited.",
		c.Nodules, c.Series, state, c.Failed, c.Interrupted, c.Dropped)}
	if len(table.Rows) > 0 {
		s.Tables = append(s.Tables, table)
	}
	for _, a := range r.Scores {
		if a.Nodules < 3 {
			continue
		}
		svg, err := r.scatter(a.Name).SVG()
		if err != nil {
			return err
		}
		s.Figures = append(s.Figures, figure.Figure{Caption: a.Name + ", of every nodule", Alt: "scores of the candidate against those of the models in use", SVG: svg})
	}
	page.Sections = append(page.Sections, s)
	pictures, err := r.pictures()
	if err != nil {
		return err
	}
	if len(r.Largest) > 0 {
		page.Sections = append(page.Sections, pictures)
	}
	return page.WriteHTML(w)
}

// scatter shows probabilities, or percentiles where there are none.
func (r *Report) scatter(name string) figure.Scatter {
	clouds := []figure.Series{{Name: "flags agree"}, {Name: "flags differ"}}
	for i := range r.records {
		for _, p := range r.records[i].Pairs {
			if p.Name != name {
				continue
			}
			x, y := p.Before.Percentile/100, p.After.Percentile/100
			if p.Before.Probability != nil && p.After.Probability != nil {
				x, y = *p.Before.Probability, *p.After.Probability
			}
			k := 0
			if p.Before.Flagged != p.After.Flagged {
				k = 1
			}
			clouds[k].X, clouds[k].Y = append(clouds[k].X, x), append(clouds[k].Y, y)
		}
	}
	clouds = slices.DeleteFunc(clouds, func(s figure.Series) bool { return len(s.X) == 0 })
	return figure.Scatter{Title: name, X: "in use", Y: "candidate", Clouds: clouds}
}

func (r *Report) pictures() (figure.Section, error) {
	s := figure.Section{Title: "The largest changes", Text: "Three planes through the middle of each nodule: axial, coronal, sagittal. The review page opens a finding by the result that is named."}
	for i := range r.Largest {
		one := &r.Largest[i]
		caption := fmt.Sprintf("finding %d of %.19s", one.Finding, one.Result)
		for _, p := range one.Pairs {
			caption += fmt.Sprintf("; %s %s to %s", p.Name, p.Before.text(), p.After.text())
		}
		content, err := one.Picture()
		if err != nil {
			return s, err
		}
		if content == nil {
			s.Text += "\n\n" + caption + " (no picture)"
			continue
		}
		s.Figures = append(s.Figures, figure.Figure{Caption: caption, Alt: "axial, coronal and sagittal plane of a nodule", PNG: content})
	}
	return s, nil
}

// Picture is a PNG of the axial, coronal and sagittal plane through the middle of the
// nodule, side by side; nil: none was kept.
func (r *Record) Picture() ([]byte, error) {
	if len(r.Scan) != nodule.PatchVoxels {
		return nil, nil
	}
	return planes(r.Scan)
}

func (v *Value) text() string {
	text := fmt.Sprintf("percentile %.0f", v.Percentile)
	if v.Probability != nil {
		text = fmt.Sprintf("%.2f", *v.Probability)
	}
	if v.Flagged {
		text += " (flagged)"
	}
	return text
}

// planes draws the middle planes of a scan, [28,28,28] in z, y, x, side by side, head
// up, four pixels a voxel.
func planes(scan []byte) ([]byte, error) {
	const n, zoom, mid = nodule.PatchSize, 4, nodule.PatchSize / 2
	img := image.NewGray(image.Rect(0, 0, (3*n+2)*zoom, n*zoom))
	at := func(z, y, x int) uint8 { return scan[(z*n+y)*n+x] }
	for v := range n {
		for u := range n {
			for k, value := range [3]uint8{at(mid, v, u), at(n-1-v, mid, u), at(n-1-v, u, mid)} {
				for p := range zoom * zoom {
					img.SetGray((k*(n+1)+u)*zoom+p%zoom, v*zoom+p/zoom, color.Gray{Y: value})
				}
			}
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}
