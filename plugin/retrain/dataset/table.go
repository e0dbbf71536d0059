package dataset

import (
	"encoding/csv"
	"io"
	"regexp"
	"strconv"

	"github.com/nodulescope/nodulescope/nodule"
)

// columns of the table, each with what it says of a row.
var columns = []struct {
	name string
	of   func(m *made, s *nodule.Sample) string
}{
	{"patient", func(_ *made, s *nodule.Sample) string { return s.Patient }},
	{"nodule", func(_ *made, s *nodule.Sample) string { return s.Nodule }},
	{"series", func(_ *made, s *nodule.Sample) string { return s.SeriesUID }},
	{"side", func(_ *made, s *nodule.Sample) string { return sideOf(s) }},
	{"fold", func(_ *made, s *nodule.Sample) string { fold, _ := nodule.FoldOf(s.Patient); return strconv.Itoa(fold) }},
	{"label", func(_ *made, s *nodule.Sample) string { return string(labelOf(s)) }},
	{"verdict", func(m *made, _ *nodule.Sample) string { return string(m.newest().verdict) }},
	{"kind", func(m *made, _ *nodule.Sample) string { return string(m.newest().kind) }},
	{"version", func(m *made, _ *nodule.Sample) string { return whole(m.newest().version) }},
	{"reader", func(m *made, _ *nodule.Sample) string { return m.newest().reader }},
	{"readers", func(m *made, _ *nodule.Sample) string { return strconv.Itoa(len(m.opinions)) }},
	{"readers_disagree", func(m *made, _ *nodule.Sample) string { return strconv.FormatBool(disagree(m.opinions)) }},
	{"x_lps_mm", func(_ *made, s *nodule.Sample) string { return number(s.PositionLPS[0]) }},
	{"y_lps_mm", func(_ *made, s *nodule.Sample) string { return number(s.PositionLPS[1]) }},
	{"z_lps_mm", func(_ *made, s *nodule.Sample) string { return number(s.PositionLPS[2]) }},
	{"outlined_by", func(m *made, _ *nodule.Sample) string { return m.source }},
	{"diameter_mm", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().DiameterMM) }},
	{"volume_mm3", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().VolumeMM3) }},
	{"long_axis_mm", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().LongAxisMM) }},
	{"short_axis_mm", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().ShortAxisMM) }},
	{"mean_hu", func(m *made, _ *nodule.Sample) string { return maybe(m.size.Rounded().MeanHU) }},
	{"solid_volume_mm3", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().SolidVolumeMM3) }},
	{"type", func(m *made, _ *nodule.Sample) string { return string(m.size.Type) }},
	{"wall_contact_share", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().WallContact) }},
	{"vessel_contact_share", func(m *made, _ *nodule.Sample) string { return number(m.size.Rounded().VesselContact) }},
	{"candidate_source", func(m *made, _ *nodule.Sample) string { return sourceOf(m.result.JobSource) }},
	{"candidate_diameter_mm", func(m *made, _ *nodule.Sample) string { return known(m.nodule.DiameterMM) }},
	{"candidate_confidence", func(m *made, _ *nodule.Sample) string { return known(m.nodule.Confidence) }},
	{"headline_probability", func(m *made, _ *nodule.Sample) string {
		if m.nodule.Headline == nil {
			return ""
		}
		return number(m.nodule.Headline.Probability)
	}},
	{"software", func(m *made, _ *nodule.Sample) string { return printable(m.result.Software) }},
	{"manufacturer", func(m *made, _ *nodule.Sample) string { return m.scan.manufacturer }},
	{"kernel", func(m *made, _ *nodule.Sample) string { return m.scan.kernel }},
	{"slice_thickness_mm", func(m *made, _ *nodule.Sample) string { return known(m.scan.thicknessMM) }},
	{"slice_spacing_mm", func(m *made, _ *nodule.Sample) string { return number(m.scan.series.Geometry.SpacingMM[0]) }},
	{"pixel_spacing_mm", func(m *made, _ *nodule.Sample) string { return number(m.scan.series.Geometry.SpacingMM[1]) }},
	{"geometry", func(m *made, _ *nodule.Sample) string { return m.scan.series.Verdict() }},
}

// newest is the decision that counts; zero where there is none.
func (m *made) newest() opinion {
	if m.decided() {
		return m.opinions[0]
	}
	return opinion{}
}

// writeTable writes a line for every row, in their order.
func (s *Set) writeTable(w io.Writer) error {
	out := csv.NewWriter(w)
	var line []string
	for _, c := range columns {
		line = append(line, c.name)
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for i := range s.rows {
		for k, c := range columns {
			line[k] = c.of(&s.rows[i], &s.Samples[i])
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func known(v float64) string {
	if v == 0 {
		return ""
	}
	return number(v)
}

func maybe(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

func whole(v int) string {
	if v == 0 {
		return ""
	}
	return strconv.Itoa(v)
}

// plainSource is a source of jobs that is a path of a program; anything else may
// say more than it should.
var plainSource = regexp.MustCompile(`^/[a-z][a-z0-9-]*(/[a-z0-9][a-z0-9.-]*){0,3}$`)

func sourceOf(source string) string {
	if len(source) <= 64 && plainSource.MatchString(source) {
		return source
	}
	return "other"
}
