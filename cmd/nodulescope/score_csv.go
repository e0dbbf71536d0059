package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// saveCSV writes a result as a table with a row for every nodule. Columns of
// measurements have the names and units of the result message; a cell is empty
// where there is no value.
func saveCSV(name string, r bus.Result) error {
	head := []string{"nodule", "x_lps_mm", "y_lps_mm", "z_lps_mm", "diameter_mm", "error", "applicability", "padding_pct"}
	if r.Rungs != nil {
		head = append(head, "headline rung", "headline raw", "headline probability", "headline low", "headline high", "headline percentile", "headline flagged", "headline error")
	}
	for _, m := range r.Models {
		head = append(head, m.Name+" raw", m.Name+" probability", m.Name+" percentile", m.Name+" flagged")
	}
	if r.Outliner != nil {
		head = append(head, "outline_found", "outline_codes", "outline_error")
		for column := range measured(measure.Measurements{}) {
			head = append(head, "outline_"+column)
		}
	}
	rows := [][]string{head}
	for _, n := range r.Nodules {
		rows = append(rows, csvRow(r, n))
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(name, 0o644, b.Bytes()); err != nil {
		return usageError(fmt.Errorf("table: %w", err), "name a file for --csv that can be written")
	}
	return nil
}

func csvRow(r bus.Result, n bus.ResultNodule) []string {
	row := []string{n.ID}
	for _, v := range n.PositionLPS {
		row = append(row, number(v))
	}
	given := ""
	if n.DiameterMM > 0 {
		given = number(n.DiameterMM)
	}
	row = append(row, given, problemCode(n.Error), strings.Join(n.Applicability, " "), number(n.PaddingPct))
	if r.Rungs != nil {
		cells := make([]string, 7)
		if h := n.Headline; h != nil {
			cells = []string{h.Rung, number(h.Raw), number(h.Probability), number(h.Low), number(h.High), number(h.Percentile), strconv.FormatBool(h.Flagged)}
		}
		row = append(append(row, cells...), problemCode(n.HeadlineError))
	}
	for _, m := range r.Models {
		cells := make([]string, 4)
		for _, s := range n.Scores {
			if s.Digest != m.Digest {
				continue
			}
			cells = []string{number(s.Raw), "", number(s.Percentile), strconv.FormatBool(s.Anomalous)}
			if s.Probability != nil {
				cells[1] = number(*s.Probability)
			}
		}
		row = append(row, cells...)
	}
	if r.Outliner == nil {
		return row
	}
	found, codes := "", ""
	var m *measure.Measurements
	if o := n.Outline; o != nil {
		found, codes, m = strconv.FormatBool(o.Found), strings.Join(o.Codes, " "), o.Measurements
	}
	row = append(row, found, codes, problemCode(n.OutlineError))
	if m == nil {
		for range measured(measure.Measurements{}) {
			row = append(row, "")
		}
		return row
	}
	for _, cell := range measured(*m) {
		row = append(row, cell)
	}
	return row
}

// measured goes through measurements in their order: the name of each in the
// result message, and its value.
func measured(m measure.Measurements) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		v := reflect.ValueOf(m)
		for i := range v.NumField() {
			field, cell := v.Field(i), ""
			if field.Kind() == reflect.Pointer {
				field = field.Elem() // of a nil pointer: of no kind
			}
			switch field.Kind() {
			case reflect.Float64:
				cell = number(field.Float())
			case reflect.Bool:
				cell = strconv.FormatBool(field.Bool())
			case reflect.String:
				cell = field.String()
			}
			if !yield(v.Type().Field(i).Tag.Get("json"), cell) {
				return
			}
		}
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func problemCode(p *bus.Problem) string {
	if p == nil {
		return ""
	}
	return p.Code
}
