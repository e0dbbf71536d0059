package evaluation

import (
	"strings"
	"unicode/utf8"
)

// Grid is a table of text, its first line the head.
type Grid [][]string

// Write writes the table as Markdown, with columns padded so that it is also
// readable as it stands.
func (g Grid) Write(b *strings.Builder) {
	width := make([]int, len(g[0]))
	for _, line := range g {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range g {
		for i, cell := range line {
			b.WriteString("| " + cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)) + " ")
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
}
