package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	narrow   = 80 // characters of a line where nothing else is known
	between  = 2  // blanks between two columns
	leastOne = 8  // characters of a column before words are cut
	named    = 2  // columns that may hold the name of what a row is about
	hashHex  = 64 // characters of one that stay in one piece where they can
)

// lineWidth is how many characters a line of a table may have: those of the
// terminal, 80 at least, and 80 elsewhere.
func lineWidth(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if cols, _, err := term.GetSize(int(file.Fd())); err == nil {
			return max(cols, narrow)
		}
	}
	return narrow
}

// writeTable prints rows below their heads, and an empty line; nothing without
// rows. Limits that no row has are left out.
func writeTable(w io.Writer, heads []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if last := len(heads) - 1; heads[last] == "LIMITS" && !slices.ContainsFunc(rows, func(row []string) bool { return row[last] != "-" }) {
		heads = heads[:last]
		for i := range rows {
			rows[i] = rows[i][:last]
		}
	}
	if err := writeRows(w, heads, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

// writeRows prints rows below their heads; without heads, the rows alone. What is
// too wide for the line goes on below, within its column.
func writeRows(w io.Writer, heads []string, rows [][]string) error {
	if heads != nil {
		rows = append([][]string{heads}, rows...)
	}
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	widths, words := make([]int, columns), make([]int, columns)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			for _, piece := range pieces(cell) {
				words[i] = max(words[i], utf8.RuneCountInString(strings.TrimRight(piece, " ")))
			}
		}
	}
	shrink(widths, words, lineWidth(w)-between*(columns-1))
	for _, row := range rows {
		if err := writeRow(w, widths, row); err != nil {
			return err
		}
	}
	return nil
}

// shrink makes columns narrower until they fit: the widest first, down to their
// longest words, and where that does not do, below.
func shrink(widths, words []int, line int) {
	sum := 0
	for _, n := range widths {
		sum += n
	}
	for _, least := range []func(i int) int{
		func(i int) int { return words[i] },
		func(i int) int { // a name is copied: the first columns are cut last
			if i < named {
				return words[i]
			}
			return min(words[i], leastOne)
		},
		func(int) int { return 1 },
	} {
		for ; sum > line; sum-- {
			widest := -1
			for i, n := range widths {
				if n > least(i) && (widest < 0 || n > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
}

// writeRow prints cells within their columns, in as many lines as they need. The last
// one that says something, such as a code, has the columns to its right where its own
// is too narrow.
func writeRow(w io.Writer, widths []int, row []string) error {
	last := len(row) - 1
	for last > 0 && (row[last] == "-" || row[last] == "") {
		last--
	}
	if last >= 0 && last < len(row)-1 && utf8.RuneCountInString(row[last]) > widths[last] {
		own := widths[last]
		for _, n := range widths[last+1:] {
			own += between + n
		}
		widths, row = append(slices.Clone(widths[:last]), own), row[:last+1]
	}
	cells, lines := make([][]string, len(row)), 1
	for i, cell := range row {
		cells[i] = wrap(cell, widths[i])
		lines = max(lines, len(cells[i]))
	}
	var b strings.Builder
	for k := range lines {
		var line strings.Builder
		for i, cell := range cells {
			text := ""
			if k < len(cell) {
				text = cell[k]
			}
			line.WriteString(text)
			line.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(text))+between))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// lineWidths are the widths of columns that are printed row by row, as they come;
// the last one has the rest of the line.
func lineWidths(w io.Writer, widths []int) []int {
	widths = slices.Clone(widths)
	rest := lineWidth(w) - between*(len(widths)-1)
	for _, n := range widths {
		rest -= n
	}
	widths[len(widths)-1] += rest
	return widths
}

// timeCell is a time that fits a narrow column in two lines.
func timeCell(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// pieces are what text may be cut into: words, and what ends with a comma, a
// slash, a hyphen or an underscore between letters.
func pieces(text string) []string {
	var out []string
	from := 0
	runes := []rune(text)
	letter := func(i int) bool { return i >= 0 && i < len(runes) && runes[i] >= 'A' }
	for i, r := range runes {
		if i+1 < len(runes) && (r == ' ' || r == ',' || r == '/' || r == ':' && len(runes)-i > hashHex || (r == '-' || r == '_') && letter(i-1) && letter(i+1)) {
			out, from = append(out, string(runes[from:i+1])), i+1
		}
	}
	return append(out, string(runes[from:]))
}

// wrap is text in lines of at most so many characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	put := func() {
		if line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		line = ""
	}
	for _, piece := range pieces(text) {
		if utf8.RuneCountInString(line)+utf8.RuneCountInString(strings.TrimRight(piece, " ")) > width {
			put()
		}
		for r := []rune(piece); ; {
			if len([]rune(strings.TrimRight(string(r), " "))) <= width {
				line += string(r)
				break
			}
			lines, r = append(lines, string(r[:width])), r[width:]
		}
	}
	put()
	return lines
}

// counted is a number with its noun, which is in the singular for one.
func counted[N ~int | ~int64 | ~uint64](n N, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
