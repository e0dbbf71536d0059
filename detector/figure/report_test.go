package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/use"
)

// sample is a report with all that a report can have.
func sample(t testing.TB) Report {
	t.Helper()
	svg, err := smoothed(Density{Title: "Scores", Axis: "score"}, classes()).SVG()
	if err != nil {
		t.Fatal(err)
	}
	png, err := PNG(Samples{Title: "Samples", Images: [][]float32{make([]float32, digitPixels)}})
	if err != nil {
		t.Fatal(err)
	}
	withID := []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="30pt" height="15pt" viewBox="0 0 30 15"><g id="a"><path d="M0,0"/></g><use href="#a"/></svg>`)
	return Report{
		Title: "VAE-AD on <nodules> & digits", Subtitle: "five seeds", Warning: "worse than diameter alone",
		Sections: []Section{
			{Title: "What came out", Text: "One.\n\nTwo <b>bold</b>.", Tables: []Table{{
				Caption: "Rows.", Head: []string{"ranked by", "AUROC"}, Rows: [][]string{{"vae-ad", "0.73"}, {"diameter", "0.91"}}, Strong: []int{0}, Note: "DeLong 95 %.",
			}}, Figures: []Figure{{Caption: "Scores.", Alt: `two "humps"`, SVG: svg}, {Caption: "Samples.", Alt: "a dark square", PNG: png}}},
			{Title: "More", Figures: []Figure{{Caption: "A.", Alt: "a", SVG: withID}, {Caption: "B.", Alt: "b", SVG: withID}}},
		},
		Facts: []Fact{{"data", "sha256:00ff"}}, Command: "nodulescope experiment nodules --detector vae", Settings: []byte(`{"seeds":[1,2]}`),
	}
}

func page(t testing.TB, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportIsOneWellFormedPage(t *testing.T) {
	html := page(t, sample(t))
	if html != page(t, sample(t)) {
		t.Error("the same report gives another page")
	}
	ids, links, headings := map[string]bool{}, []string{}, []string{}
	images := map[string]int{}
	for token, err := range tokens(strings.NewReader(html)) {
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attr := map[string]string{}
		for _, a := range e.Attr {
			attr[a.Name.Local] = a.Value
		}
		if id := attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("id %s stands twice", id)
			}
			ids[id] = true
		}
		switch e.Name.Local {
		case "script", "link", "iframe", "object", "embed", "base":
			t.Errorf("the page has an element %s", e.Name.Local)
		case "a", "use":
			links = append(links, attr["href"])
		case "h1", "h2":
			headings = append(headings, e.Name.Local)
		case "img":
			kind := map[string]string{"chart": "data:image/svg+xml;base64,", "picture": "data:image/png;base64,"}[attr["class"]]
			images[attr["class"]]++
			if attr["alt"] == "" || attr["width"] == "" || attr["height"] == "" || kind == "" || !strings.HasPrefix(attr["src"], kind) {
				t.Errorf("image without alt, size or data: alt %q", attr["alt"])
			}
		case "th":
			if attr["scope"] == "" {
				t.Error("a heading of a table has no scope")
			}
		}
	}
	if images["picture"] != 1 || images["chart"] != 3 || len(headings) != 5 || headings[0] != "h1" {
		t.Errorf("images %v, headings %v", images, headings)
	}
	for _, l := range links {
		if id, ok := strings.CutPrefix(l, "#"); !ok || !ids[id] {
			t.Errorf("link %q leads nowhere in the page", l)
		}
	}
}

func TestReportSaysItAll(t *testing.T) {
	html := page(t, sample(t))
	for _, want := range []string{
		use.Statement, "worse than diameter alone", "VAE-AD on &lt;nodules&gt; &amp; digits", "<p>One.</p>", "<p>Two &lt;b&gt;bold&lt;/b&gt;.</p>", "Table 1. Rows.",
		`<tr class="strong"><th scope="row">vae-ad</th><td>0.73</td></tr>`, "DeLong 95 %.", "Figure 1. Scores.", "Figure 4. B.", `alt="two &#34;humps&#34;"`,
		"sha256:00ff", "nodulescope experiment nodules --detector vae", "&#34;seeds&#34;: [", `href="#s2"`, "prefers-color-scheme", "@media print",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if at := strings.Index(html, use.Statement); at > strings.Index(html, "<h1>") {
		t.Error("the intended use does not stand at the top")
	}
	r := sample(t)
	r.Use = "On digits, for comparison alone."
	if html := page(t, r); strings.Contains(html, use.Statement) || !strings.Contains(html, r.Use) {
		t.Error("another use is not taken")
	}
}

func TestReportNamesNothingRemote(t *testing.T) {
	html := page(t, sample(t))
	outside := regexp.MustCompile(`data:image/(png|svg&#43;xml);base64,[^"]*`).ReplaceAllString(html, "")
	outside = strings.ReplaceAll(outside, `xmlns="http://www.w3.org/2000/svg"`, "") // a name, not an address
	if at := strings.Index(outside, "//"); at >= 0 {
		t.Errorf("the page names an address: %.60q", outside[max(at-20, 0):])
	}
	for _, no := range []string{"<script", "@import", "javascript:", "srcset"} {
		if strings.Contains(html, no) {
			t.Errorf("the page has %s", no)
		}
	}
	if !strings.Contains(html, `content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`) {
		t.Error("the page does not forbid to fetch")
	}
}

func TestReportRefuses(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"title":          func(r *Report) { r.Title = " " },
		"section":        func(r *Report) { r.Sections[0].Title = "" },
		"settings":       func(r *Report) { r.Settings = []byte("seeds: 5") },
		"row":            func(r *Report) { r.Sections[0].Tables[0].Rows[0] = []string{"vae-ad"} },
		"head":           func(r *Report) { r.Sections[0].Tables[0].Head = nil },
		"alt":            func(r *Report) { r.Sections[0].Figures[0].Alt = "" },
		"both":           func(r *Report) { r.Sections[0].Figures[0].PNG = []byte("x") },
		"neither":        func(r *Report) { r.Sections[0].Figures[0].SVG = nil },
		"no picture":     func(r *Report) { r.Sections[0].Figures[1].PNG = []byte("x") },
		"large picture":  func(r *Report) { r.Sections[0].Figures[1].PNG = make([]byte, maxPNG+1) },
		"broken drawing": func(r *Report) { r.Sections[0].Figures[0].SVG = []byte("<svg width=\"3pt\" height=\"3pt\">") },
		"no drawing":     func(r *Report) { r.Sections[0].Figures[0].SVG = []byte("<html></html>") },
		"empty drawing":  func(r *Report) { r.Sections[0].Figures[0].SVG = []byte{} },
		"large drawing":  func(r *Report) { r.Sections[0].Figures[0].SVG = make([]byte, maxSVG+1) },
	} {
		r := sample(t)
		change(&r)
		var b bytes.Buffer
		err := r.WriteHTML(&b)
		if !errors.Is(err, ErrReport) {
			t.Errorf("%s: %v", name, err)
		}
		if b.Len() > 0 {
			t.Errorf("%s: half a report of %d bytes was written", name, b.Len())
		}
	}
}
