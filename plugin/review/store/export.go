package store

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// exportColumns are the columns of the table of decisions. New ones come last;
// decision and reason tell a verdict to those who know no other.
var exportColumns = []string{
	"time", "identity", "study_uid", "series_uid", "finding", "nodule_id", "version", "current", "decision", "reason", "comment", "reviewer",
	"x_lps_mm", "y_lps_mm", "z_lps_mm", "diameter_mm", "probability", "percentile", "flagged", "models", "verdict", "kind",
	"drawn_volume_mm3", "drawn_long_axis_mm", "drawn_short_axis_mm", "distances_mm", "drawn_outline",
}

// exported is a decision with its key.
type exported struct {
	id      string
	number  int
	version int
	Decision
}

// exportBatch bounds how many decisions are held at a time: no transaction of
// the file stays open while a client is slow.
const exportBatch = 500

// WriteCSV writes all decisions as CSV, by result and finding, every version or
// the newest ones alone.
func (s *Store) WriteCSV(w io.Writer, current bool) error {
	out := csv.NewWriter(w)
	if err := out.Write(exportColumns); err != nil {
		return err
	}
	records := map[string]Record{} // of the batch
	for after := ""; ; {
		batch, last, err := s.exportBatch(after, records)
		if err != nil {
			return err
		}
		for _, d := range batch {
			newest := s.Decision(d.id, d.number)
			is := newest != nil && newest.Version == d.version
			if current && !is {
				continue
			}
			if err := out.Write(exportRow(d, is, records[d.id])); err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil || last == "" {
			return err
		}
		after = last
		clear(records)
	}
}

func (s *Store) exportBatch(after string, records map[string]Record) (batch []exported, last string, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketDecisions).Cursor()
		k, v := c.First()
		if after != "" {
			if k, v = c.Seek([]byte(after)); string(k) == after {
				k, v = c.Next()
			}
		}
		for ; k != nil; k, v = c.Next() {
			if len(batch) >= exportBatch {
				return nil
			}
			last = string(k)
			e := exported{}
			var ok bool
			if e.id, e.number, ok = parseDecisionKey(last); !ok {
				continue
			}
			if err := json.Unmarshal(v, &e.Decision); err != nil {
				return err
			}
			e.version = e.Version
			batch = append(batch, e)
			if _, there := records[e.id]; !there {
				var r Record
				if _, err := boltdb.Get(tx.Bucket(bucketRecords), e.id, &r); err != nil {
					return err
				}
				records[e.id] = r
			}
		}
		last = "" // all were seen
		return nil
	})
	return batch, last, err
}

func exportRow(d exported, current bool, r Record) []string {
	earlier := bus.Review{Verdict: d.Verdict, Kind: d.Kind}.Migrated()
	row := []string{
		d.Time.UTC().Format(time.RFC3339Nano), "sha256:" + d.id, r.StudyUID, r.SeriesUID, strconv.Itoa(d.number), "",
		strconv.Itoa(d.version), strconv.FormatBool(current), earlier.Decision, earlier.Reason, harmless(d.Comment), harmless(d.Reviewer),
		"", "", "", "", "", "", "", "", string(d.Verdict), string(d.Kind),
	}
	row = append(row, drawnCells(d.Decision)...)
	if r.Result == nil || d.number > len(r.Result.Nodules) {
		return row
	}
	n := &r.Result.Nodules[d.number-1]
	h := Highest(n)
	row[1], row[5] = r.Result.Identity, harmless(n.ID)
	for axis, v := range n.PositionLPS {
		row[12+axis] = decimal(&v)
	}
	row[15], row[16], row[17], row[18] = decimal(Known(n.DiameterMM)), decimal(h.Probability), decimal(h.Percentile), strconv.FormatBool(h.Flagged)
	var models []string
	for _, m := range r.Result.Models {
		models = append(models, m.Name+" "+m.Digest)
	}
	row[19] = harmless(strings.Join(models, "; "))
	return row
}

// drawnCells are what a reviewer measured, and the outline as REVIEWS has it.
func drawnCells(d Decision) []string {
	cells := make([]string, 5)
	if o := d.Outline; o != nil {
		if m := o.Measurements; m != nil {
			cells[0], cells[1], cells[2] = decimal(&m.VolumeMM3), decimal(&m.LongAxisMM), decimal(&m.ShortAxisMM)
		}
		if text, err := json.Marshal(o); err == nil {
			cells[4] = string(text)
		}
	}
	var lengths []string
	for _, way := range d.Distances {
		lengths = append(lengths, strconv.FormatFloat(way.LengthMM, 'f', 1, 64))
	}
	cells[3] = strings.Join(lengths, "; ")
	return cells
}

func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// harmless keeps a spreadsheet from taking text for a formula: what begins, in
// any line or after spaces, with one of the signs that start one gets an
// apostrophe before it.
func harmless(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
	for i, line := range lines {
		if trimmed := strings.TrimLeft(line, " \t\u00a0\ufeff"); trimmed != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(trimmed)[0]) || strings.HasPrefix(line, "\t") {
			lines[i] = "'" + line
		}
	}
	return strings.Join(lines, "\n")
}
