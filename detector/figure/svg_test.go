package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="30pt" height="15pt" viewBox="0 0 30 15">`

func TestCleanSVGKeepsShapesAndText(t *testing.T) {
	got, err := cleanSVG([]byte(`<?xml version="1.0"?><!-- from elsewhere -->`+svgHead+`
		<defs><clipPath id="c"><rect width="3" height="4"/></clipPath></defs>
		<g id="g" clip-path="url(#c)" onclick="steal()" class="page">
		<path d="M0,0L1,1" style="fill:none;stroke:#0072B2;background:url(http://example.org/x);position:fixed"/>
		<text x="1" y="2" style="font-family:Liberation Sans">a &lt; b &amp; c</text><use xlink:href="#g"/></g></svg>`), "f3-", "two & more")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`width="40" height="20" viewBox="0 0 30 15"`, `role="img" aria-label="two &amp; more"`, `<clipPath id="f3-c">`, `clip-path="url(#f3-c)"`,
		`<g id="f3-g"`, `<use href="#f3-g">`, `style="fill:none;stroke:#0072B2"`, `a &lt; b &amp; c</text>`, "Liberation Sans, Arial, Helvetica, sans-serif",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
	for _, no := range []string{"onclick", "class", "example.org", "position", "elsewhere", "xml version"} {
		if strings.Contains(string(got), no) {
			t.Errorf("%s stayed in\n%s", no, got)
		}
	}
	again, err := cleanSVG(got, "", "two & more")
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("cleaned twice it differs (%v):\n%s", err, again)
	}
}

func TestCleanSVGLeavesOutWhatActs(t *testing.T) {
	for _, bad := range []string{
		`<script>steal()</script>`, `<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">steal</p></foreignObject>`,
		`<style>* { background: url(//steal) }</style>`, `<a href="javascript:steal()"><text>x</text></a>`,
		`<image href="http://steal"/>`, `<image href="data:image/svg+xml;base64,c3RlYWw=" xlink:href="//steal"/>`,
		`<use href="other.svg#steal"/>`, `<path fill="url(http://steal#x)"/>`, `<path style="fill:URL(//steal)"/>`,
		`<path style="fill:u\72l(//steal)"/>`, `<animate attributeName="href" values="steal"/>`, `<set attributeName="steal"/>`,
		`<path fill="red;steal:1"/>`, `<g id="x&quot; steal"/>`, `<svg onload="steal()"/>`, `<x:script xmlns:x="http://www.w3.org/2000/svg">steal()</x:script>`,
	} {
		got, err := cleanSVG([]byte(svgHead+bad+`<path d="M1,2"/></svg>`), "", "")
		if err != nil {
			t.Errorf("%s: %v", bad, err)
			continue
		}
		if strings.Contains(string(got), "steal") || !strings.Contains(string(got), `d="M1,2"`) {
			t.Errorf("%s became\n%s", bad, got)
		}
	}
}

func TestCleanSVGRefuses(t *testing.T) {
	for name, bad := range map[string]string{
		"nothing": "", "text": "hello", "html": "<html></html>", "cut": svgHead + "<g>", "no namespace": "<svg></svg>",
		"two": svgHead + "</svg>" + svgHead + "</svg>", "entities": `<!DOCTYPE svg [<!ENTITY a "b">]>` + svgHead + "&a;</svg>",
		"unknown entity": svgHead + "<text>&nbsp;</text></svg>",
		"deep":           svgHead + strings.Repeat("<g>", 100) + strings.Repeat("</g>", 100) + "</svg>",
		"large":          svgHead + strings.Repeat(" ", maxSVG) + "</svg>",
	} {
		if _, err := cleanSVG([]byte(bad), "", ""); !errors.Is(err, ErrSVG) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCleanSVG holds that what comes out is a drawing and stays as it is.
func FuzzCleanSVG(f *testing.F) {
	chart, err := Density{Axis: "score", Groups: classes()}.SVG()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(chart)
	f.Add([]byte(svgHead + `<g id="a"><image href="data:image/png;base64,AAAA"/><use href="#a"/></g></svg>`))
	f.Add([]byte(svgHead + `<script>x</script><path style="fill:url(#a);stroke:url(x)"/></svg>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := cleanSVG(data, "f1-", "label")
		if err != nil {
			return
		}
		d := xml.NewDecoder(bytes.NewReader(once))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("not well-formed: %v\n%s", err, once)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			if !svgElements[e.Name.Local] {
				t.Fatalf("element %s stayed", e.Name.Local)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#f1-") && !strings.HasPrefix(a.Value, "data:image/") {
					t.Fatalf("attribute %s=%q stayed", a.Name.Local, a.Value)
				}
			}
		}
		if _, err := cleanSVG(once, "", "label"); err != nil {
			t.Fatalf("cleaned twice: %v\n%s", err, once)
		}
	})
}
