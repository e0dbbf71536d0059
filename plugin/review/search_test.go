package review

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Rows are found by words of name, id and accession number, whatever their case
// and accents; what could not be looked at is counted; and no text is noted.
func TestSearch(t *testing.T) {
	s := newServer(t, func(c *Config) {
		c.Source = fakeSource{headers: func(r store.Record) (sr.Header, error) {
			switch r.SeriesUID {
			case "1.2.1":
				return sr.Header{PatientName: "Müller^Jürgen", PatientID: "ID-1", AccessionNumber: "ACC-77"}, nil
			case "1.2.2":
				return sr.Header{PatientName: "Muller^Ann", PatientID: "ID-2", AccessionNumber: "ACC-78"}, nil
			}
			return sr.Header{}, errNoImages
		}}
	})
	for i := 1; i <= 3; i++ {
		s.store.add(t, named(fmt.Sprint("r", i), i, 0.2*float64(i)))
	}
	c := s.signedInAs("ann")
	for text, want := range map[string]string{
		"muller": "2 1", "MÜLLER": "2 1", "  jurgen müll ": "1", "acc-7": "2 1", "id-2": "2", "acc-77 ann": "", "%": "", "": "3 2 1",
	} {
		var got struct {
			Rows       []struct{ Probability float64 }
			Total      int
			Unsearched int
		}
		c.call(200, "POST", "/api/v1/worklist/search?sort=probability", map[string]string{"text": text}, &got)
		var rows []string
		for _, r := range got.Rows {
			rows = append(rows, fmt.Sprintf("%.0f", r.Probability/0.2))
		}
		unsearched := 1
		if text == "" {
			unsearched = 0
		}
		if strings.Join(rows, " ") != want || got.Total != len(rows) || got.Unsearched != unsearched {
			t.Errorf("%q: %v of %d, %d not searched; want %s", text, rows, got.Total, got.Unsearched, want)
		}
	}
	var page struct {
		Rows  []struct{}
		Total int
	}
	c.call(200, "POST", "/api/v1/worklist/search?limit=1&offset=1", map[string]string{"text": "muller"}, &page)
	if len(page.Rows) != 1 || page.Total != 2 {
		t.Errorf("%+v", page)
	}
	c.call(400, "POST", "/api/v1/worklist/search", map[string]string{"text": strings.Repeat("x", maxSearchChars+1)}, nil)
	c.call(400, "POST", "/api/v1/worklist/search", map[string]string{"name": "x"}, nil)
	for _, e := range s.notes {
		if strings.Contains(strings.ToLower(fmt.Sprint(e)), "ller") {
			t.Errorf("the audit trail names a patient: %+v", e)
		}
	}
}

// One finding has the size, the type and the probability that are asked for.
func TestFilterByFinding(t *testing.T) {
	s := newServer(t, nil)
	r := sample(0.2, 0.9)
	for i, m := range []measure.Measurements{{MeanAxisMM: 12, Type: measure.Solid}, {MeanAxisMM: 5, Type: measure.GroundGlass}} {
		r.Result.Nodules[i].Outline = &bus.Outline{Found: true, Measurements: &m}
	}
	s.store.add(t, r)
	c := s.signedInAs("ann")
	for query, want := range map[string]int{
		"min_size=12": 1, "min_size=12.5": 0, "type=solid": 1, "type=fat": 0, "type=ground_glass&min_probability=0.9": 1,
		"type=solid&min_probability=0.5": 0, "type=ground_glass&min_size=6": 0, "min_size=4&min_probability=0.9&type=ground_glass": 1,
	} {
		var got struct{ Total int }
		c.call(200, "GET", "/api/v1/worklist?"+query, nil, &got)
		if got.Total != want {
			t.Errorf("%s: %d, want %d", query, got.Total, want)
		}
	}
	for _, bad := range []string{"type=big", "min_size=-1", "min_size=x", "min_size=1e9"} {
		c.call(400, "GET", "/api/v1/worklist?"+bad, nil, nil)
	}
}
