package figure

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/png"
	"io"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/internal/use"
)

// Limits of what one drawing or picture of a report may hold, bytes.
const (
	maxSVG = 8 << 20
	maxPNG = 16 << 20
)

// ErrReport says that a report cannot be written as it is.
var ErrReport = errors.New("figure: bad report")

// Report is the account of one experiment, written as one HTML page.
type Report struct {
	Title    string
	Subtitle string
	Use      string // stands at the top; empty: [use.Statement]
	Warning  string // what a reader must know first; empty: none
	Sections []Section
	Facts    []Fact // digests, seeds, versions
	Command  string // that makes the report again
	Settings []byte // JSON, as the experiment was run; nil: none
}

// Section is a chapter of a report. Its text is plain; an empty line begins a
// new paragraph. Tables stand before figures.
type Section struct {
	Title   string
	Text    string
	Tables  []Table
	Figures []Figure
}

// Figure is a chart or a picture with its caption. Either SVG or PNG is set.
// Alt says what is to be seen to those who do not see it, and must not be empty.
type Figure struct {
	Caption string
	Alt     string
	SVG     []byte
	PNG     []byte
}

// Table has a heading for each column; the first column names its row.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Strong  []int // rows that stand out, such as the detector that ships
	Note    string
}

// Fact is a named value, such as a digest.
type Fact struct {
	Name, Value string
}

//go:embed report.html
var reportPage string

// WriteHTML writes the page: one file without scripts, links or anything that
// is fetched. Drawings and pictures are data of an img element: what stands in
// one as an image runs no script, follows no link and has ids of its own,
// whatever it holds. It is well-formed XML, too. The same report gives the same
// bytes. A figure without SVG or PNG or without Alt, a row of another length than
// its head and settings that are no JSON are refused.
func (r Report) WriteHTML(w io.Writer) error {
	page, err := r.page()
	if err != nil {
		return err
	}
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return fmt.Errorf("figure: parse the page of reports: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return fmt.Errorf("figure: write report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("figure: write report: %w", err)
	}
	return nil
}

// The page as its template takes it.
type (
	reportView struct {
		Report
		Sections []sectionView
		Settings string
	}
	sectionView struct {
		ID, Title  string
		Paragraphs []string
		Tables     []tableView
		Figures    []figureView
	}
	tableView struct {
		Number        int
		Caption, Note string
		Head          []string
		Rows          []rowView
	}
	rowView struct {
		Name   string
		Cells  []string
		Strong bool
	}
	figureView struct {
		Number        int
		Caption, Alt  string
		Kind          string // "chart" or "picture"
		Data          template.URL
		Width, Height int // pixels
	}
)

func (r Report) page() (reportView, error) {
	if r.Use == "" {
		r.Use = use.Statement
	}
	v := reportView{Report: r}
	if strings.TrimSpace(r.Title) == "" {
		return v, fmt.Errorf("%w: it needs a title", ErrReport)
	}
	if r.Settings != nil {
		var b bytes.Buffer
		if err := json.Indent(&b, r.Settings, "", "  "); err != nil {
			return v, fmt.Errorf("%w: settings are no JSON: %w", ErrReport, err)
		}
		v.Settings = b.String()
	}
	tables, figures := 0, 0
	for i, s := range r.Sections {
		if strings.TrimSpace(s.Title) == "" {
			return v, fmt.Errorf("%w: section %d needs a title", ErrReport, i+1)
		}
		section := sectionView{ID: fmt.Sprintf("s%d", i+1), Title: s.Title}
		for _, p := range strings.Split(s.Text, "\n\n") {
			if p = strings.TrimSpace(p); p != "" {
				section.Paragraphs = append(section.Paragraphs, p)
			}
		}
		for _, t := range s.Tables {
			tables++
			view, err := t.view(tables)
			if err != nil {
				return v, fmt.Errorf("section %q, table %d: %w", s.Title, tables, err)
			}
			section.Tables = append(section.Tables, view)
		}
		for _, f := range s.Figures {
			figures++
			view, err := f.view(figures)
			if err != nil {
				return v, fmt.Errorf("section %q, figure %d: %w", s.Title, figures, err)
			}
			section.Figures = append(section.Figures, view)
		}
		v.Sections = append(v.Sections, section)
	}
	return v, nil
}

func (t Table) view(number int) (tableView, error) {
	v := tableView{Number: number, Caption: t.Caption, Note: t.Note, Head: t.Head}
	if len(t.Head) == 0 {
		return v, fmt.Errorf("%w: the table has no head", ErrReport)
	}
	for i, r := range t.Rows {
		if len(r) != len(t.Head) {
			return v, fmt.Errorf("%w: row %d has %d cells and the head %d", ErrReport, i+1, len(r), len(t.Head))
		}
		row := rowView{Name: r[0], Cells: r[1:]}
		for _, s := range t.Strong {
			row.Strong = row.Strong || s == i
		}
		v.Rows = append(v.Rows, row)
	}
	return v, nil
}

func (f Figure) view(number int) (figureView, error) {
	v := figureView{Number: number, Caption: f.Caption, Alt: f.Alt}
	switch {
	case strings.TrimSpace(f.Alt) == "":
		return v, fmt.Errorf("%w: the figure needs Alt, for those who do not see it", ErrReport)
	case (f.SVG == nil) == (f.PNG == nil):
		return v, fmt.Errorf("%w: the figure needs SVG or PNG, one of both", ErrReport)
	case len(f.SVG) > maxSVG || len(f.PNG) > maxPNG:
		return v, fmt.Errorf("%w: the figure has %d bytes; draw fewer points", ErrReport, len(f.SVG)+len(f.PNG))
	}
	var err error
	kind, data := "image/svg+xml", f.SVG
	if v.Kind = "chart"; data != nil {
		v.Width, v.Height, err = sizeOfSVG(data)
	} else {
		v.Kind, kind, data = "picture", "image/png", f.PNG
		var c image.Config
		c, err = png.DecodeConfig(bytes.NewReader(data))
		v.Width, v.Height = c.Width, c.Height
	}
	if err != nil {
		return v, fmt.Errorf("%w: the figure is no %s: %w", ErrReport, kind, err)
	}
	v.Data = template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)) //nolint:gosec // base64
	return v, nil
}

// tokens reads a document to its end, or to where it is not well-formed.
func tokens(r io.Reader) func(yield func(xml.Token, error) bool) {
	return func(yield func(xml.Token, error) bool) {
		d := xml.NewDecoder(r)
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) || !yield(token, err) || err != nil {
				return
			}
		}
	}
}

// sizeOfSVG is the size of a drawing in pixels, from its size in points. A
// drawing that is not well-formed would be shown as a broken image: it is
// refused.
func sizeOfSVG(data []byte) (width, height int, err error) {
	for token, err := range tokens(bytes.NewReader(data)) {
		if err != nil {
			return 0, 0, err
		}
		e, ok := token.(xml.StartElement)
		if !ok || width > 0 {
			continue
		}
		size := map[string]float64{}
		for _, a := range e.Attr {
			size[a.Name.Local], _ = strconv.ParseFloat(strings.TrimSuffix(a.Value, "pt"), 64) // others are not used
		}
		if width, height = int(size["width"]*96/72), int(size["height"]*96/72); e.Name.Local != "svg" || width < 1 || height < 1 {
			return 0, 0, fmt.Errorf("it begins with <%s>, and its size is not given in points", e.Name.Local)
		}
	}
	if width == 0 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	return width, height, nil
}
