package outline

import (
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// Band is how well the nodules of some diameters were outlined.
type Band struct {
	Name      string     `json:"name"`
	Network   Agreements `json:"network"`
	Threshold Agreements `json:"threshold"`
}

// Agreements are the quartiles of each figure of Agreement, and how many nodules
// nothing was found of: these have Dice 0, and an error of 1.
type Agreements struct {
	Dice     stats.Quartiles `json:"dice"`
	Error    stats.Quartiles `json:"volume_error"`
	Change   stats.Quartiles `json:"volume_change"`
	NotFound int             `json:"not_found"`
}

type band struct {
	name     string
	from, to float64 // mm
}

var bands = []band{{"under 6 mm", 0, 6}, {"6-10 mm", 6, 10}, {"10 mm and more", 10, 1e9}}

// BandOf is the name of the band of a diameter.
func BandOf(mm float64) string {
	for _, b := range bands {
		if mm >= b.from && mm < b.to {
			return b.name
		}
	}
	return ""
}

// Bands are all nodules, and those of under 6 mm, of 6 to 10 mm and of 10 mm and
// more.
func Bands(all []Nodule) []Band {
	var out []Band
	for _, b := range append([]band{{"all", 0, 1e9}}, bands...) {
		var network, threshold []Agreement
		for _, n := range all {
			if n.DiameterMM >= b.from && n.DiameterMM < b.to {
				network, threshold = append(network, n.Network), append(threshold, n.Threshold)
			}
		}
		out = append(out, Band{b.name, agreementsOf(network), agreementsOf(threshold)})
	}
	return out
}

func agreementsOf(all []Agreement) Agreements {
	var dice, wrong, change []float64
	a := Agreements{}
	for _, v := range all {
		dice, wrong, change = append(dice, v.Dice), append(wrong, v.Error), append(change, v.Change)
		if v.VolumeMM == 0 {
			a.NotFound++
		}
	}
	a.Dice, a.Error, a.Change = stats.QuartilesOf(dice), stats.QuartilesOf(wrong), stats.QuartilesOf(change)
	return a
}

// Markdown is the table of bands, medians with quartiles.
func Markdown(bands []Band) string {
	var b strings.Builder
	b.WriteString("| nodules | n | outline | Dice | volume error | change when moved by 3 mm | not found |\n|---|---|---|---|---|---|---|\n")
	for _, band := range bands {
		for _, row := range []struct {
			name string
			a    Agreements
		}{{"network", band.Network}, {"threshold", band.Threshold}} {
			share := func(q stats.Quartiles) string {
				return fmt.Sprintf("%.0f %% (%.0f-%.0f)", 100*q.Median, 100*q.Q1, 100*q.Q3)
			}
			d := row.a.Dice
			fmt.Fprintf(&b, "| %s | %d | %s | %.2f (%.2f-%.2f) | %s | %s | %d |\n", band.Name, d.Nodules, row.name,
				d.Median, d.Q1, d.Q3, share(row.a.Error), share(row.a.Change), row.a.NotFound)
		}
	}
	return b.String()
}
