package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/use"
)

// Markdown is the card for people.
func (c *Card) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	n := c.Counts
	line("# Data card\n\n%s\n", use.Purpose)
	line("%d nodules of %d patients in %d series: %d normal, %d anomalies, %d unlabelled (of these %d unsure). Labels are opinions of readers.\n",
		n.Nodules, n.Patients, n.Series, n.Normals, n.Anomalies, n.Unlabelled, n.Unsure)
	for _, w := range c.Warnings {
		line("- **%s**", w)
	}
	line("\n## What it is enough for\n\n| for | needs | has | enough |\n|---|---|---|---|")
	for _, e := range c.Enough {
		line("| %s | %s | %s | %s |", e.For, e.Needs, e.Has, yes(e.OK))
	}
	line("\n## Sides\n\nA patient's side and fold follow from the pseudonym alone and never change.\n\n| side | patients | normals | anomalies | others |\n|---|---|---|---|---|")
	for _, s := range c.Sides {
		line("| %s | %d | %d | %d | %d |", s.Name, s.Patients, s.Normals, s.Anomalies, s.Others)
	}
	line("\n## Left out\n\n| code | nodules | decided | why |\n|---|---|---|---|")
	for _, x := range c.Exclusions {
		line("| `%s` | %d | %d | %s |", x.Code, x.Nodules, x.Decided, x.Reason)
	}
	line("\n## Labels\n\nThe newest decision on a nodule counts; readers who say otherwise keep their ratings.\n\n| label | rating | what it teaches |\n|---|---|---|")
	for _, l := range c.Labels {
		line("| %s | %s | %s |", l.Label, dash(l.Rating), l.About)
	}
	line("\n## Label noise\n\n%d nodules were read by several readers; on %d of these they disagree.", c.Noise.Several, c.Noise.Disagree)
	for _, name := range c.Noise.Nodules {
		line("- `%s`", name)
	}
	line("\n## Distribution\n\n| diameter of the outline, mm | nodules | first quartile | median | third quartile |\n|---|---|---|---|---|")
	for _, label := range slices.Sorted(maps.Keys(c.Spread.DiameterMM)) {
		q := c.Spread.DiameterMM[label]
		line("| %s | %d | %.1f | %.1f | %.1f |", label, q.Nodules, q.Q1, q.Median, q.Q3)
	}
	for _, t := range []struct {
		name   string
		counts map[string]int
	}{
		{"slice thickness, mm", c.Spread.ThicknessMM}, {"kernel", c.Spread.Kernel}, {"manufacturer", c.Spread.Manufacturer},
		{"candidates from", c.Spread.Source}, {"outlined by", c.Outlined},
	} {
		line("\n| %s | nodules |\n|---|---|", t.name)
		for _, value := range slices.Sorted(maps.Keys(t.counts)) {
			line("| %s | %d |", value, t.counts[value])
		}
	}
	c.against(line)
	line("\n## Made of\n\n| | number | digest |\n|---|---|---|")
	for _, d := range []struct {
		name string
		Digested
	}{{"results", c.Inputs.Results}, {"decisions", c.Inputs.Decisions}, {"series", c.Inputs.Series}} {
		line("| %s | %d | `%s` |", d.name, d.Count, d.Digest)
	}
	line("\nKey of the site: fingerprint `%s`. Preprocessing: `%s`. %s.", c.Key, strings.Join(c.Preprocessing, "`, `"), c.Software)
	return b.String()
}

// against compares with the training of the shipped models.
func (c *Card) against(line func(string, ...any)) {
	line("\n## Against the training of the shipped models\n\n| model | normals of its training, mm | nodules outside | note |\n|---|---|---|---|")
	for _, t := range c.Training {
		if t.DiameterMM == nil {
			line("| %s | - | - | %s |", t.Model, t.Note)
			continue
		}
		line("| %s | %.1f to %.1f | %d of %d | %s |", t.Model, t.DiameterMM[0], t.DiameterMM[1], t.Outside, t.Of, t.Note)
	}
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

func dash(rating int) string {
	if rating == 0 {
		return "-"
	}
	return fmt.Sprint(rating)
}
