package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxSVG limits what one drawing of a report may hold.
const maxSVG = 8 << 20

// ErrSVG says that a drawing is not well-formed SVG, or too large.
var ErrSVG = errors.New("figure: bad SVG")

// What a drawing may consist of. All else is left out with what it holds:
// scripts, styles, links, foreign content, animations.
var (
	svgElements = set("svg g path text tspan rect circle ellipse line polyline polygon defs clipPath linearGradient radialGradient stop title desc image use")
	svgAttrs    = set("d x y x1 y1 x2 y2 cx cy r rx ry dx dy width height points transform viewBox preserveAspectRatio id clip-path " +
		"fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin opacity " +
		"font-family font-size font-weight font-style text-anchor dominant-baseline offset stop-color stop-opacity gradientUnits gradientTransform clipPathUnits style href")
	svgStyles = set("fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin opacity " +
		"font-family font-size font-weight font-style text-anchor stop-color stop-opacity clip-path")
	svgLocal  = regexp.MustCompile(`^url\(#([A-Za-z][\w.-]*)\)$`)
	svgLength = regexp.MustCompile(`^\s*([0-9.eE+-]+)\s*(px|pt|)\s*$`)
	svgImage  = regexp.MustCompile(`^data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*$`)
	svgID     = regexp.MustCompile(`^[A-Za-z][\w.-]*$`)
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// cleanSVG writes a drawing anew from the elements and attributes that are
// known to be harmless. prefix goes before every id and every use of one, so
// that drawings on one page do not clash; label names the drawing for those who
// do not see it. Document types and entities of their own are refused.
func cleanSVG(data []byte, prefix, label string) ([]byte, error) {
	if len(data) > maxSVG {
		return nil, fmt.Errorf("%w: %d bytes, and at most %d are taken; draw fewer points", ErrSVG, len(data), maxSVG)
	}
	w := svgWriter{prefix: prefix, label: label}
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSVG, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, fmt.Errorf("%w: a document type is not taken", ErrSVG)
		case xml.StartElement:
			if !w.open(t) {
				if err := d.Skip(); err != nil {
					return nil, fmt.Errorf("%w: %w", ErrSVG, err)
				}
			}
		case xml.EndElement:
			w.depth--
			w.out.WriteString("</" + t.Name.Local + ">")
			if w.depth == 0 || t.Name.Local != "text" && t.Name.Local != "tspan" {
				w.out.WriteByte('\n')
			}
		case xml.CharData:
			if s := string(t); w.depth > 0 && strings.TrimSpace(s) != "" {
				w.text(s)
			}
		}
		if w.depth > 64 {
			return nil, fmt.Errorf("%w: nested deeper than 64", ErrSVG)
		}
	}
	if w.roots != 1 {
		return nil, fmt.Errorf("%w: %d drawings, not one", ErrSVG, w.roots)
	}
	return w.out.Bytes(), nil
}

type svgWriter struct {
	out           bytes.Buffer
	prefix, label string
	depth, roots  int
}

func (w *svgWriter) text(s string) {
	_ = xml.EscapeText(&w.out, []byte(s)) // a buffer does not fail
}

func (w *svgWriter) attr(name, value string) {
	w.out.WriteString(" " + name + `="`)
	w.text(value)
	w.out.WriteByte('"')
}

// open writes the start of an element and tells whether it may stay.
func (w *svgWriter) open(t xml.StartElement) bool {
	name := t.Name.Local
	root := w.depth == 0
	if t.Name.Space != "http://www.w3.org/2000/svg" || !svgElements[name] || root != (name == "svg") {
		return false
	}
	w.out.WriteString("<" + name)
	w.depth++
	if root {
		w.roots++
		w.attr("xmlns", "http://www.w3.org/2000/svg")
		w.attr("role", "img")
		if w.label != "" {
			w.attr("aria-label", w.label)
		}
		t.Attr = inPixels(t.Attr)
	}
	seen := map[string]bool{}
	for _, a := range t.Attr {
		local := a.Name.Local
		if a.Name.Space != "" && local != "href" || !svgAttrs[local] || seen[local] {
			continue
		}
		if value, ok := w.value(name, local, a.Value); ok {
			w.attr(local, value)
			seen[local] = true
		}
	}
	w.out.WriteByte('>')
	return true
}

// value is what may stay of an attribute.
func (w *svgWriter) value(element, name, value string) (string, bool) {
	switch name {
	case "id":
		return w.prefix + value, svgID.MatchString(value)
	case "href":
		if element == "image" {
			return value, svgImage.MatchString(value)
		}
		id, local := strings.CutPrefix(value, "#")
		return "#" + w.prefix + id, local && svgID.MatchString(id)
	case "style":
		value = w.style(value)
		return value, value != ""
	}
	return w.paint(value)
}

// paint keeps values that name nothing outside the drawing.
func (w *svgWriter) paint(value string) (string, bool) {
	if m := svgLocal.FindStringSubmatch(strings.TrimSpace(value)); m != nil {
		return "url(#" + w.prefix + m[1] + ")", true
	}
	plain := !strings.ContainsAny(value, `\<>@{};`) && !strings.Contains(strings.ToLower(value), "url") && !strings.Contains(value, "/*")
	return value, plain
}

func (w *svgWriter) style(value string) string {
	var keep []string
	for _, declaration := range strings.Split(value, ";") {
		name, v, ok := strings.Cut(declaration, ":")
		name, v = strings.TrimSpace(name), strings.TrimSpace(v)
		if !ok || !svgStyles[name] {
			continue
		}
		if v, ok = w.paint(v); !ok {
			continue
		}
		if name == "font-family" && !strings.Contains(v, "sans-serif") {
			v += ", Arial, Helvetica, sans-serif"
		}
		keep = append(keep, name+":"+v)
	}
	return strings.Join(keep, ";")
}

// inPixels turns the size of a drawing from points into pixels.
func inPixels(attrs []xml.Attr) []xml.Attr {
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		if a.Name.Local != "width" && a.Name.Local != "height" {
			continue
		}
		m := svgLength.FindStringSubmatch(a.Value)
		if m == nil {
			continue
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil || m[2] != "pt" {
			continue
		}
		attrs[i].Value = strconv.FormatFloat(v*96/72, 'f', -1, 64)
	}
	return attrs
}
